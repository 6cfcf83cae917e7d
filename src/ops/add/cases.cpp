#include "ops/add/add.h"
#include "ops/case_operands.h"

namespace gannet {

// One rounding in every kernel: bitwise equal to the reference.
std::vector<OpCase> cases_add() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& shape, bool bench = false) {
    cases.push_back({&kOp_add, name, {normal(shape), normal(shape)}, {}, 0, bench});
  };
  make("t1_n1", Shape(1, 1));
  make("t1_n2048", Shape(1, 2048));
  make("t7_n1000", Shape(7, 1000));
  make("t3_h5_n37", Shape(3, 5, 37));
  make("n19", Shape(19));
  make("t512_n2048", Shape(512, 2048), true);
  return cases;
}

}  // namespace gannet
