#include "ops/case_operands.h"
#include "ops/kv_append/kv_append.h"

namespace gannet {

// The bytes in the cache are compared exactly.
std::vector<OpCase> cases_kv_append() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, int64_t n_tokens, int64_t heads, int64_t d, int64_t n_past,
                        DType type, bool bench = false) {
    const Shape shape(n_tokens, heads, d);
    cases.push_back({&kOp_kv_append,
                     name,
                     {kv_cache(heads, d, n_past, type, n_tokens), normal(shape), normal(shape)},
                     {},
                     0,
                     bench});
  };
  make("t1_h1_d8_f32", 1, 1, 8, 0, DType::kF32);
  make("t5_h2_d36_f32", 5, 2, 36, 61, DType::kF32);
  make("t5_h2_d36_f16", 5, 2, 36, 61, DType::kF16);
  make("t70_h3_d40_bf16", 70, 3, 40, 20, DType::kBF16);
  make("t3_h2_d64_q8_0", 3, 2, 64, 30, DType::kQ8_0);
  make("t9_h2_d32_q8_0_f32", 9, 2, 32, 20, DType::kQ8_0);
  cases.back().operands[0].fill.v_type = DType::kF32;
  make("t512_h2_d256_f16", 512, 2, 256, 1000, DType::kF16, true);
  return cases;
}

}  // namespace gannet
