#include "ops/case_operands.h"
#include "ops/unary/unary.h"

namespace gannet {

// A few ulp of F32 (exp to 2 ulp, a division): 1e-13 is (3e-7)^2.
std::vector<OpCase> cases_unary() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, UnaryFunction function, const Shape& shape, double scale,
                        bool bench = false) {
    cases.push_back(
        {&kOp_unary, name, {normal(shape, scale)}, pack_attrs(UnaryAttrs{function}), 1e-13, bench});
  };
  make("silu_t1_n1", UnaryFunction::kSilu, Shape(1, 1), 1);
  make("silu_t5_n333", UnaryFunction::kSilu, Shape(5, 333), 3);
  make("silu_wide_range", UnaryFunction::kSilu, Shape(2, 1024), 60);
  make("sigmoid_t5_n333", UnaryFunction::kSigmoid, Shape(5, 333), 3);
  make("sigmoid_wide_range", UnaryFunction::kSigmoid, Shape(2, 1024), 60);
  make("sigmoid_t17_n1", UnaryFunction::kSigmoid, Shape(17, 1), 1);
  make("silu_t2_h3_n40", UnaryFunction::kSilu, Shape(2, 3, 40), 1);
  make("exp_t1_n1", UnaryFunction::kExp, Shape(1, 1), 1);
  make("exp_t5_n333", UnaryFunction::kExp, Shape(5, 333), 2);
  make("softplus_t1_n1", UnaryFunction::kSoftplus, Shape(1, 1), 1);
  make("softplus_t5_n333", UnaryFunction::kSoftplus, Shape(5, 333), 3);
  make("softplus_wide_range", UnaryFunction::kSoftplus, Shape(2, 1024), 30);
  // Where 1 + exp(x) would lose the digits of exp(x).
  cases.push_back({&kOp_unary,
                   "softplus_small_results",
                   {uniform(Shape(3, 77), -30, -6)},
                   pack_attrs(UnaryAttrs{UnaryFunction::kSoftplus}),
                   1e-13,
                   false});
  make("silu_t512_n6144", UnaryFunction::kSilu, Shape(512, 6144), 1, true);
  return cases;
}

}  // namespace gannet
