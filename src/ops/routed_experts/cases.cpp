#include <fmt/core.h>

#include "ops/case.h"
#include "ops/routed_experts/routed_experts.h"

namespace gannet {
namespace {

// Activations are rounded to 8 bits twice (before gate and up, before down), see matmul/cases.cpp for one
// rounding.
constexpr double kRoundedTwice = 3e-4;

struct Size {
  int64_t n_tokens, n_experts, top_k, n_embd, n_ff;
};

OpCase make(const Size& s, DType gate, DType up, DType down, bool fused, bool bench) {
  OpCase c;
  c.op = &kOp_routed_experts;
  c.name = fmt::format("{}_{}_{}_t{}_e{}_k{}_{}x{}{}", dtype_info(gate).name, dtype_info(up).name,
                       dtype_info(down).name, s.n_tokens, s.n_experts, s.top_k, s.n_embd, s.n_ff,
                       fused ? "_fused" : "");
  const Fill weight{.kind = Fill::Kind::kNormal, .scale = 0.05};
  c.operands = {
      {{DType::kF32, Shape(s.n_tokens, s.n_embd)}, {}},
      {{DType::kI32, Shape(s.n_tokens, s.top_k)},
       {.kind = Fill::Kind::kDistinct, .high = static_cast<double>(s.n_experts)}},
      {{DType::kF32, Shape(s.n_tokens, s.top_k)}, {.kind = Fill::Kind::kUniform, .low = 0.01, .high = 0.5}},
      {{gate, Shape(s.n_experts, fused ? 2 * s.n_ff : s.n_ff, s.n_embd)}, weight},
      {fused ? TensorType{} : TensorType{up, Shape(s.n_experts, s.n_ff, s.n_embd)},
       fused ? Fill{.kind = Fill::Kind::kAbsent} : weight},
      {{down, Shape(s.n_experts, s.n_embd, s.n_ff)}, weight}};
  const bool rounds = dtype_info(gate).quantized || dtype_info(up).quantized || dtype_info(down).quantized;
  if (rounds) c.nmse = kRoundedTwice;
  c.bench = bench;
  return c;
}

}  // namespace

std::vector<OpCase> cases_routed_experts() {
  std::vector<OpCase> all;
  for (int64_t n_tokens : {1, 2, 5, 40}) {
    const Size s{n_tokens, 8, 2, 256, 64};
    all.push_back(make(s, DType::kF32, DType::kF32, DType::kF32, false, false));
    all.push_back(make(s, DType::kQ4_0, DType::kQ4_0, DType::kQ8_0, false, false));
    all.push_back(make(s, DType::kQ8_0, DType::kQ8_0, DType::kQ8_0, true, false));
    const Size k{n_tokens, 5, 3, 256, 256};
    all.push_back(make(k, DType::kQ4_K, DType::kQ4_K, DType::kQ6_K, false, false));
    all.push_back(make(k, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, false, false));
    all.push_back(make(k, DType::kBF16, DType::kF16, DType::kQ4_0, false, false));
    all.push_back(make(k, DType::kIQ4_XS, DType::kIQ3_S, DType::kF16, false, false));
    all.push_back(make({n_tokens, 6, 6, 64, 96}, DType::kQ4_1, DType::kQ4_1, DType::kQ5_0, false, false));
  }
  all.push_back(make({70, 5, 3, 256, 256}, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, false, false));
  all.push_back(make({100, 3, 1, 128, 96}, DType::kF16, DType::kF16, DType::kF16, true, false));
  for (int64_t n_tokens : {1, 3, 64}) {
    const Size s{n_tokens, 32, 8, 2048, 512};
    all.push_back(make(s, DType::kQ4_0, DType::kQ4_0, DType::kQ4_0, false, true));
    all.push_back(make(s, DType::kQ4_K, DType::kQ4_K, DType::kQ6_K, false, true));
  }
  return all;
}

}  // namespace gannet
