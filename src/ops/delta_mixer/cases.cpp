#include "ops/case_operands.h"
#include "ops/delta_mixer/delta_mixer.h"

namespace gannet {

// As gated_delta_rule: F32 states against double ones, and the output norm brings small results up to size
// together with their error. One and two key heads are fewer than the three members of the conformance run,
// three and more are not: both ways of splitting the work are taken.
std::vector<OpCase> cases_delta_mixer() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, int64_t t, int64_t key_heads, int64_t heads, int64_t s,
                        int64_t taps, HeadMap map, bool bench = false) {
    const int64_t channels = (2 * key_heads + heads) * s;
    cases.push_back(
        {&kOp_delta_mixer,
         name,
         {normal(Shape(t, channels)), normal(Shape(t, heads * s)), uniform(Shape(t, heads), -6, 2),
          normal(Shape(t, heads), 2), parameter(Shape(channels, taps), -1, 1),
          parameter(Shape(heads), -8, -0.5), parameter(Shape(heads), -1, 1), parameter(Shape(s), 0.5, 1.5),
          recurrent(Shape(taps - 1, channels)), recurrent(Shape(heads, s, s), 0.3)},
         pack_attrs(DeltaMixerAttrs{1e-6f, map}),
         1e-11,
         bench});
  };
  constexpr HeadMap kTiled = HeadMap::kTiled, kGrouped = HeadMap::kGrouped;
  make("t1_h1of1_s8", 1, 1, 1, 8, 4, kTiled);
  make("t1_h1of2_s24", 1, 1, 2, 24, 4, kGrouped);
  make("t2_h1of6_s40_by_value_head", 2, 1, 6, 40, 4, kTiled);
  make("t1_h2of2_s64_by_rows", 1, 2, 2, 64, 4, kTiled);
  make("t3_h2of4_s64_tiled", 3, 2, 4, 64, 4, kTiled);
  make("t3_h2of4_s64_grouped", 3, 2, 4, 64, 4, kGrouped);
  make("t1_h4of8_s128_tiled", 1, 4, 8, 128, 4, kTiled);
  make("t5_h4of8_s64_grouped", 5, 4, 8, 64, 4, kGrouped);
  make("t4_h3of9_s16_k7", 4, 3, 9, 16, 7, kTiled);
  make("t16_h3of3_s72_k2", 16, 3, 3, 72, 2, kTiled);
  make("t16_h1of2_s128", 16, 1, 2, 128, 4, kTiled);
  make("t17_h2of4_s32", 17, 2, 4, 32, 4, kTiled);
  make("t65_h2of4_s32_too_many_tokens", 65, 2, 4, 32, 4, kTiled);
  make("t100_h1of2_s128_chunks", 100, 1, 2, 128, 4, kTiled);
  make("t333_h1of3_s40_k8_chunks", 333, 1, 3, 40, 8, kGrouped);
  make("t2_h1of1_s520_wide_head", 2, 1, 1, 520, 4, kTiled);
  make("t1_h16of32_s128", 1, 16, 32, 128, 4, kTiled, true);
  make("t4_h16of32_s128", 4, 16, 32, 128, 4, kTiled, true);
  return cases;
}

}  // namespace gannet
