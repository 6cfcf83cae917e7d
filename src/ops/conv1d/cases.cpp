#include "ops/case_operands.h"
#include "ops/conv1d/conv1d.h"

namespace gannet {

// A few F32 roundings.
std::vector<OpCase> cases_conv1d() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, int64_t channels, int64_t length, int64_t taps, Conv1dTime time,
                        bool bench = false) {
    const Shape x = time == Conv1dTime::kLast ? Shape(channels, length) : Shape(length, channels);
    cases.push_back({&kOp_conv1d,
                     name,
                     {normal(x), parameter(Shape(channels, taps), -1, 1)},
                     pack_attrs(Conv1dAttrs{time}),
                     1e-12,
                     bench});
  };
  constexpr Conv1dTime kLast = Conv1dTime::kLast, kFirst = Conv1dTime::kFirst;
  make("last_c1_l1_k1", 1, 1, 1, kLast);
  make("first_c1_l1_k1", 1, 1, 1, kFirst);
  make("last_c37_l4_k4", 37, 4, 4, kLast);
  make("first_c37_l4_k4", 37, 4, 4, kFirst);
  make("last_c5_l200_k4", 5, 200, 4, kLast);
  make("first_c200_l36_k4", 200, 36, 4, kFirst);
  make("last_c40_l19_k3", 40, 19, 3, kLast);
  make("first_c40_l19_k3", 40, 19, 3, kFirst);
  make("last_c9_l50_k20", 9, 50, 20, kLast);
  make("first_c70_l50_k20", 70, 50, 20, kFirst);
  make("last_c8192_l515_k4", 8192, 515, 4, kLast, true);
  make("first_c8192_l515_k4", 8192, 515, 4, kFirst, true);
  make("first_c8192_l4_k4", 8192, 4, 4, kFirst, true);
  return cases;
}

}  // namespace gannet
