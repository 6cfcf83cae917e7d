#include <cmath>

#include "ops/attention_mixer/attention_mixer.h"
#include "ops/case_operands.h"

namespace gannet {
namespace {

// Float sums against double ones, 1e-11, where the cache keeps floats. In the smaller cache types a key that
// differs in its last float bit now and then rounds to the neighbouring value: one element in some thousands
// is off by the type's precision.
double tolerance(DType type) {
  return type == DType::kF32 ? 1e-11 : 1e-8;
}

}  // namespace

std::vector<OpCase> cases_attention_mixer() {
  std::vector<OpCase> cases;
  const RopeAttrs plain{0, 10000.0f, 1.0f, 0.0f, 1.0f, 0.0f, 0.0f};
  const RopeAttrs yarn{0, 1e6f, 0.25f, 1.0f, 1.14f, 3.0f, 9.0f};
  const auto make = [&](const char* name, int64_t t, int64_t heads, int64_t kv_heads, int64_t d,
                        int64_t n_rot, int64_t n_past, DType kv_type, bool gated, const RopeAttrs& rope,
                        bool bench = false) {
    const Shape q(t, heads, d), k(t, kv_heads, d);
    AttentionMixerAttrs attrs{1e-6f, 1.0f / std::sqrt(static_cast<float>(d)), rope};
    attrs.rope.n_rot = n_rot;
    OpCase c{&kOp_attention_mixer,
             name,
             {normal(q, 2), normal(k), normal(k), gated ? normal(q) : absent(), parameter(Shape(d), 0.5, 1.5),
              parameter(Shape(d), 0.5, 1.5), positions(t, n_past), kv_cache(kv_heads, d, n_past, kv_type)},
             pack_attrs(attrs),
             tolerance(kv_type),
             bench};
    c.kv_nmse = tolerance(kv_type);
    cases.push_back(c);
  };
  make("t1_h2of2_d8_first_token", 1, 2, 2, 8, 4, 0, DType::kF32, false, plain);
  make("t1_h4of2_d64_past5_f16", 1, 4, 2, 64, 64, 5, DType::kF16, true, plain);
  make("t1_h16of2_d256_past700_f16", 1, 16, 2, 256, 64, 700, DType::kF16, true, plain);
  make("t1_h8of2_d256_past900_q8_yarn", 1, 8, 2, 256, 64, 900, DType::kQ8_0, true, yarn);
  make("t1_h3of1_d40_past70_f32", 1, 3, 1, 40, 22, 70, DType::kF32, true, plain);
  make("t2_h2of1_d20_past3_f32", 2, 2, 1, 20, 6, 3, DType::kF32, true, plain);  // odd head size
  make("t3_h6of2_d72_past255_f16", 3, 6, 2, 72, 72, 255, DType::kF16, false, plain);
  make("t8_h4of4_d64_past90_bf16", 8, 4, 4, 64, 32, 90, DType::kBF16, false, plain);
  make("t9_h4of1_d64_f32", 9, 4, 1, 64, 64, 0, DType::kF32, false, plain);
  make("t33_h5of1_d24_past17_f16_yarn", 33, 5, 1, 24, 16, 17, DType::kF16, true, yarn);
  make("t70_h8of2_d256_past130_f16", 70, 8, 2, 256, 64, 130, DType::kF16, true, plain);
  make("t65_h4of2_d96_past31_q8", 65, 4, 2, 96, 96, 31, DType::kQ8_0, true, plain);
  make("t9_h4of2_d64_past20_q8_bf16", 9, 4, 2, 64, 32, 20, DType::kQ8_0, true, plain);
  cases.back().operands[7].fill.v_type = DType::kBF16;
  make("t1_h16of2_d256_past4096_f16", 1, 16, 2, 256, 64, 4096, DType::kF16, true, plain, true);
  make("t256_h8of2_d256_past256_f16", 256, 8, 2, 256, 64, 256, DType::kF16, true, plain, true);
  return cases;
}

}  // namespace gannet
