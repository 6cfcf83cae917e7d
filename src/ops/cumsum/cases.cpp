#include "ops/case_operands.h"
#include "ops/cumsum/cumsum.h"

namespace gannet {

// F32 sums against double ones; the error of a running sum of a few hundred terms.
std::vector<OpCase> cases_cumsum() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const Shape& x, bool bench = false) {
    cases.push_back({&kOp_cumsum, name, {uniform(x, -3, 0.5)}, {}, 1e-12, bench});
  };
  make("n1", Shape(1));
  make("n17", Shape(17));
  make("t5_n1", Shape(5, 1));
  make("t7_n64", Shape(7, 64));
  make("t7_n333", Shape(7, 333));
  make("h3_c5_n37", Shape(3, 5, 37));
  make("h32_c8_n64", Shape(32, 8, 64), true);
  return cases;
}

}  // namespace gannet
