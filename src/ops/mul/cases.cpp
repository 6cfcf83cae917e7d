#include "ops/case_operands.h"
#include "ops/mul/mul.h"

namespace gannet {

// One rounding in every kernel: bitwise equal to the reference.
std::vector<OpCase> cases_mul() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& a, const Shape& b) {
    cases.push_back({&kOp_mul, name, {normal(a), normal(b)}, {}, 0, false});
  };
  make("t1_n1", Shape(1, 1), Shape(1, 1));
  make("t1_n2048", Shape(1, 2048), Shape(1, 2048));
  make("t3_h5_n37", Shape(3, 5, 37), Shape(3, 5, 37));
  make("t9_n77_column", Shape(9, 77), Shape(9, 1));
  make("t3_h5_n32_column", Shape(3, 5, 32), Shape(3, 5, 1));
  return cases;
}

}  // namespace gannet
