#include <cmath>

#include "ops/attention/attention.h"
#include "ops/case_operands.h"

namespace gannet {

// Cache rows are rounded the same way by every kernel; the rest is F32 with vector sums.
std::vector<OpCase> cases_attention() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, int64_t t, int64_t heads, int64_t kv_heads, int64_t d,
                        int64_t n_past, DType kv_type, bool gated, bool bench = false, double q_scale = 2) {
    const Shape q(t, heads, d), k(t, kv_heads, d);
    cases.push_back({&kOp_attention,
                     name,
                     {normal(q, q_scale), normal(k), normal(k), kv_cache(kv_heads, d, n_past, kv_type),
                      gated ? normal(q) : absent()},
                     pack_attrs(AttentionAttrs{1.0f / std::sqrt(static_cast<float>(d))}),
                     1e-11,
                     bench});
  };
  make("t1_h2of2_d8_first_token", 1, 2, 2, 8, 0, DType::kF32, false);
  make("t1_h4of2_d64_past5_f16", 1, 4, 2, 64, 5, DType::kF16, true);
  make("t1_h16of2_d256_past700_f16", 1, 16, 2, 256, 700, DType::kF16, true);
  make("t1_h8of2_d256_past1100_q8", 1, 8, 2, 256, 1100, DType::kQ8_0, true);
  make("t1_h16of8_d128_past300_bf16", 1, 16, 8, 128, 300, DType::kBF16, false);
  make("t1_h3of1_d40_past70_f32", 1, 3, 1, 40, 70, DType::kF32, true);
  // One key, no more, is hidden from the first token.
  make("t2_h4of2_d64_past5_f16", 2, 4, 2, 64, 5, DType::kF16, false);
  make("t9_h2of2_d64_past62_f16", 9, 2, 2, 64, 62, DType::kF16, true);
  // Scores of some hundreds: the largest of one head or token is out of the range of exp for another.
  make("t1_h16of2_d64_past700_f32_far_scores", 1, 16, 2, 64, 700, DType::kF32, false, false, 200);
  make("t4_h4of2_d64_past300_f32_far_scores", 4, 4, 2, 64, 300, DType::kF32, true, false, 200);
  make("t3_h6of2_d72_past255_f16", 3, 6, 2, 72, 255, DType::kF16, false);
  make("t4_h16of2_d256_past513_f16", 4, 16, 2, 256, 513, DType::kF16, true);
  make("t8_h4of4_d64_past90_q8", 8, 4, 4, 64, 90, DType::kQ8_0, false);
  make("t9_h4of1_d64_f32", 9, 4, 1, 64, 0, DType::kF32, false);
  make("t33_h5of1_d24_past17_f16", 33, 5, 1, 24, 17, DType::kF16, true);
  make("t70_h8of2_d256_past130_f16", 70, 8, 2, 256, 130, DType::kF16, true);
  make("t40_h4of2_d128_past60_bf16", 40, 4, 2, 128, 60, DType::kBF16, false);
  make("t65_h4of2_d96_past31_q8", 65, 4, 2, 96, 31, DType::kQ8_0, true);
  make("t2_h4of2_d64_past300_q8_f16", 2, 4, 2, 64, 300, DType::kQ8_0, true);
  cases.back().operands[3].fill.v_type = DType::kF16;
  make("t40_h4of2_d64_past30_bf16_q8", 40, 4, 2, 64, 30, DType::kBF16, false);
  cases.back().operands[3].fill.v_type = DType::kQ8_0;
  // Kernels may take a long past in parts, and parts again and again.
  make("t2_h40of20_d8_past2100_f16", 2, 40, 20, 8, 2100, DType::kF16, true);
  make("t1_h2of1_d8_past12000_f16", 1, 2, 1, 8, 12000, DType::kF16, false);
  make("t70_h1of1_d8_past12000_f16", 70, 1, 1, 8, 12000, DType::kF16, false, false, 1);
  // More heads share a KV head than a group of invocations may have queries.
  make("t3_h40of1_d256_past20_f16", 3, 40, 1, 256, 20, DType::kF16, false);
  make("t2_h2of1_d512_past70_f16", 2, 2, 1, 512, 70, DType::kF16, true);
  make("t1_h16of2_d256_past4096_f16", 1, 16, 2, 256, 4096, DType::kF16, true, true);
  make("t256_h8of2_d256_past256_f16", 256, 8, 2, 256, 256, DType::kF16, true, true);
  return cases;
}

}  // namespace gannet
