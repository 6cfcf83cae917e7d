#include "ops/case_operands.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"

namespace gannet {

// F32 state against the double state of the reference: the update is contractive, so errors do not grow with
// the number of tokens; 1e-11 is (3e-6)^2. alpha_low and alpha_high are the range of the decay logits: with a
// near -8 a logit of 2.5 makes log decay -20 (the state is forgotten at once), one of -12 makes it -5e-5
// (nothing is forgotten).
std::vector<OpCase> cases_gated_delta_rule() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, int64_t t, int64_t key_heads, int64_t heads, int64_t s, HeadMap map,
                        double alpha_low, double alpha_high, bool bench = false) {
    cases.push_back({&kOp_gated_delta_rule,
                     name,
                     {normal(Shape(t, key_heads, s)), normal(Shape(t, key_heads, s)),
                      normal(Shape(t, heads, s)), uniform(Shape(t, heads), alpha_low, alpha_high),
                      normal(Shape(t, heads), 2), parameter(Shape(heads), -8, -0.5),
                      parameter(Shape(heads), -1, 1), recurrent(Shape(heads, s, s), 0.3)},
                     pack_attrs(GatedDeltaRuleAttrs{1e-6f, map}),
                     1e-11,
                     bench});
  };
  make("t1_h2of2_s8", 1, 2, 2, 8, HeadMap::kTiled, -4, 2);
  make("t7_h2of6_s64_tiled", 7, 2, 6, 64, HeadMap::kTiled, -4, 2);
  make("t7_h2of6_s64_grouped", 7, 2, 6, 64, HeadMap::kGrouped, -4, 2);
  make("t5_h1of3_s40", 5, 1, 3, 40, HeadMap::kTiled, -6, 0);
  make("t3_h1of2_s24", 3, 1, 2, 24, HeadMap::kGrouped, -6, 0);
  make("t1_h4of8_s128", 1, 4, 8, 128, HeadMap::kTiled, -4, 2);
  make("t63_h1of2_s128", 63, 1, 2, 128, HeadMap::kTiled, -6, 1);
  make("t64_h1of2_s128", 64, 1, 2, 128, HeadMap::kTiled, -6, 1);
  make("t65_h1of2_s64", 65, 1, 2, 64, HeadMap::kGrouped, -6, 1);
  make("t200_h2of4_s128_slow_decay", 200, 2, 4, 128, HeadMap::kTiled, -12, -8);
  make("t200_h2of4_s64_fast_decay", 200, 2, 4, 64, HeadMap::kTiled, 2.5, 4);
  make("t130_h2of4_s48_mixed_decay", 130, 2, 4, 48, HeadMap::kGrouped, -12, 4);
  make("t717_h1of2_s64_many_chunks", 717, 1, 2, 64, HeadMap::kTiled, -8, 2);
  make("t1_h16of32_s128", 1, 16, 32, 128, HeadMap::kTiled, -4, 2, true);
  make("t512_h16of32_s128", 512, 16, 32, 128, HeadMap::kTiled, -6, 1, true);
  return cases;
}

}  // namespace gannet
