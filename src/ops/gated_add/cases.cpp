#include "ops/case_operands.h"
#include "ops/gated_add/gated_add.h"

namespace gannet {

// A few ulp of F32: 1e-13 is (3e-7)^2.
std::vector<OpCase> cases_gated_add() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, int64_t t, int64_t n, double scale) {
    cases.push_back({&kOp_gated_add,
                     name,
                     {normal(Shape(t, n)), normal(Shape(t, n)), normal(Shape(t, 1), scale)},
                     {},
                     1e-13,
                     false});
  };
  make("t1_n1", 1, 1, 1);
  make("t1_n2048", 1, 2048, 1);
  make("t9_n77", 9, 77, 3);
  make("t4_n64_wide_range", 4, 64, 60);
  return cases;
}

}  // namespace gannet
