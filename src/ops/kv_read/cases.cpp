#include "ops/case_operands.h"
#include "ops/kv_read/kv_read.h"

namespace gannet {

// Widening is exact, one product for Q8_0.
std::vector<OpCase> cases_kv_read() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, int64_t n_tokens, int64_t heads, int64_t d, int64_t n_past,
                        DType type, int64_t n_kv, bool bench = false) {
    cases.push_back({&kOp_kv_read,
                     name,
                     {kv_cache(heads, d, n_past, type, n_tokens, true)},
                     pack_attrs(KvReadAttrs{n_kv, n_tokens}),
                     0,
                     bench});
  };
  make("t1_h1_d8_f32", 1, 1, 8, 0, DType::kF32, 1);
  make("t5_h2_d36_f32", 5, 2, 36, 61, DType::kF32, 128);
  make("t5_h2_d36_f16", 5, 2, 36, 61, DType::kF16, 66);
  make("t70_h3_d40_bf16", 70, 3, 40, 20, DType::kBF16, 300);
  make("t3_h2_d64_q8_0", 3, 2, 64, 30, DType::kQ8_0, 40);
  make("t3_h2_d32_f16_q8_0", 3, 2, 32, 30, DType::kF16, 40);
  cases.back().operands[0].fill.v_type = DType::kQ8_0;
  make("t1_h2_d256_f16", 1, 2, 256, 2000, DType::kF16, 2048, true);
  return cases;
}

}  // namespace gannet
