#include "ops/case_operands.h"
#include "ops/swiglu/swiglu.h"

namespace gannet {

// A few ulp of F32: 1e-13 is (3e-7)^2.
std::vector<OpCase> cases_swiglu() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& shape, double scale, bool bench = false) {
    cases.push_back({&kOp_swiglu, name, {normal(shape, scale), normal(shape)}, {}, 1e-13, bench});
  };
  make("t1_n1", Shape(1, 1), 1);
  make("t1_n3072", Shape(1, 3072), 1);
  make("t7_n511", Shape(7, 511), 3);
  make("wide_range", Shape(2, 768), 60);
  make("t512_n3072", Shape(512, 3072), 1, true);
  return cases;
}

}  // namespace gannet
