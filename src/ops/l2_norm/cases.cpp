#include "ops/case_operands.h"
#include "ops/l2_norm/l2_norm.h"

namespace gannet {

// F32 sums in vector lanes against double sums: relative error below 1e-6.
std::vector<OpCase> cases_l2_norm() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const Shape& x, double scale, float eps = 1e-6f,
                        bool bench = false) {
    cases.push_back({&kOp_l2_norm, name, {normal(x, scale)}, pack_attrs(L2NormAttrs{eps}), 1e-12, bench});
  };
  make("t1_n1", Shape(1, 1), 1);
  make("n48", Shape(48), 1, 1e-5f);
  make("t7_h4_n128", Shape(7, 4, 128), 1);
  make("t3_h2_n37", Shape(3, 2, 37), 1);
  make("tiny_values_eps_matters", Shape(2, 64), 1e-4);
  make("large_values", Shape(2, 5120), 1e4);
  make("t512_h32_n128", Shape(512, 32, 128), 1, 1e-6f, true);
  return cases;
}

}  // namespace gannet
