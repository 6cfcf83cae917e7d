#include "ops/case_operands.h"
#include "ops/copy/copy.h"

namespace gannet {

// Copies: exact. The runner gives the operand permuted strides too.
std::vector<OpCase> cases_copy() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const Shape& x, bool bench = false) {
    cases.push_back({&kOp_copy, name, {normal(x)}, {}, 0, bench});
  };
  make("n1", Shape(1));
  make("n333", Shape(333));
  make("t1_n1", Shape(1, 1));
  make("t1_n2048", Shape(1, 2048));
  make("t37_n1", Shape(37, 1));
  make("t7_n1000", Shape(7, 1000));
  make("t64_n64", Shape(64, 64));
  make("t77_n130", Shape(77, 130));
  make("t3_h5_n37", Shape(3, 5, 37));
  make("h17_t21_n19", Shape(17, 21, 19));
  make("b2_h3_t5_n9", Shape(2, 3, 5, 9));
  make("b3_h1_t70_n33", Shape(3, 1, 70, 33));
  make("t512_h32_n128", Shape(512, 32, 128), true);
  make("t512_n6144", Shape(512, 6144), true);
  return cases;
}

}  // namespace gannet
