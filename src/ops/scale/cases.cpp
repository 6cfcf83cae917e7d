#include "ops/case_operands.h"
#include "ops/scale/scale.h"

namespace gannet {

// One rounding in every kernel: bitwise equal to the reference.
std::vector<OpCase> cases_scale() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const Shape& x, float factor, bool bench = false) {
    cases.push_back({&kOp_scale, name, {normal(x)}, pack_attrs(ScaleAttrs{factor}), 0, bench});
  };
  make("n1", Shape(1), 2);
  make("zero", Shape(2, 19), 0);
  make("t7_n1000", Shape(7, 1000), -0.3f);
  make("t3_h5_n37", Shape(3, 5, 37), 0.08838835f);
  make("t1_n9999", Shape(1, 9999), 3);
  make("h32_t512_n128", Shape(32, 512, 128), 0.08838835f, true);
  return cases;
}

}  // namespace gannet
