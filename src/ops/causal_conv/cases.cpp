#include "ops/case_operands.h"
#include "ops/causal_conv/causal_conv.h"

namespace gannet {

// A few F32 roundings; the state is copied exactly.
std::vector<OpCase> cases_causal_conv() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, int64_t t, int64_t channels, int64_t taps, bool bench = false) {
    cases.push_back({&kOp_causal_conv,
                     name,
                     {normal(Shape(t, channels)), parameter(Shape(channels, taps), -1, 1),
                      recurrent(Shape(taps - 1, channels))},
                     {},
                     1e-12,
                     bench});
  };
  make("t1_c96_k4", 1, 96, 4);
  make("t2_c96_k4_fewer_than_taps", 2, 96, 4);
  make("t3_c37_k4", 3, 37, 4);
  make("t33_c200_k4", 33, 200, 4);
  make("t5_c40_k2", 5, 40, 2);
  make("t9_c40_k3", 9, 40, 3);
  make("t2_c40_k7", 2, 40, 7);
  make("t1_c8192_k4", 1, 8192, 4);
  make("t512_c8192_k4", 512, 8192, 4, true);
  return cases;
}

}  // namespace gannet
