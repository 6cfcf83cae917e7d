#include "ops/case_operands.h"
#include "ops/concat/concat.h"

namespace gannet {

// Copies: exact.
std::vector<OpCase> cases_concat() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& a, const Shape& b) {
    cases.push_back({&kOp_concat, name, {normal(a), normal(b)}, {}, 0, false});
  };
  make("t1_n1_m1", Shape(1, 1), Shape(1, 1));
  make("t5_n64_m33", Shape(5, 64), Shape(5, 33));
  make("t2_h3_n8_m4", Shape(2, 3, 8), Shape(2, 3, 4));
  make("n5_m6", Shape(5), Shape(6));
  return cases;
}

}  // namespace gannet
