#include "ops/case_operands.h"
#include "ops/reduce_sum/reduce_sum.h"

namespace gannet {

// F32 sums against double ones. The values have a mean, so that no sum cancels.
std::vector<OpCase> cases_reduce_sum() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const Shape& x, int64_t axis, bool bench = false) {
    cases.push_back(
        {&kOp_reduce_sum, name, {uniform(x, -1, 3)}, pack_attrs(ReduceSumAttrs{axis}), 1e-12, bench});
  };
  make("n1", Shape(1), 0);
  make("n333", Shape(333), 0);
  make("t5_n1_last", Shape(5, 1), 1);
  make("t7_n1000_last", Shape(7, 1000), 1);
  make("t7_n1000_rows", Shape(7, 1000), 0);
  make("t130_n37_rows", Shape(130, 37), 0);
  make("t1_n19_rows", Shape(1, 19), 0);
  make("b2_h3_t5_n70_axis0", Shape(2, 3, 5, 70), 0);
  make("b2_h3_t5_n70_axis1", Shape(2, 3, 5, 70), 1);
  make("b2_h3_t5_n70_axis2", Shape(2, 3, 5, 70), 2);
  make("b2_h3_t5_n70_axis3", Shape(2, 3, 5, 70), 3);
  make("h32_s128_s128_rows", Shape(32, 128, 128), 1, true);
  make("h32_s128_s128_last", Shape(32, 128, 128), 2, true);
  make("t512_k8_n2048_experts", Shape(512, 8, 2048), 1, true);
  return cases;
}

}  // namespace gannet
