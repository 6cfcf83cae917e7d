#include <fmt/core.h>

#include "ops/case_operands.h"
#include "ops/moe/moe.h"
#include "ops/moe/operands.h"

namespace gannet {
namespace {

// Activations are rounded to 8 bits twice, as in routed_experts/cases.cpp. Without rounding only the order of
// float sums differs.
constexpr double kRoundedTwice = 3e-4, kFloats = 1e-10;

struct Size {
  int64_t n_tokens, n_experts, top_k, n_embd, n_ff;
  int64_t n_shared;  // 0: no shared expert
};
struct Types {
  DType gate, up, down, shared;
};

OpCase make(const Size& s, const Types& types, bool fused, bool residual, bool rounds = false,
            bool bench = false) {
  OpCase c;
  c.op = &kOp_moe;
  c.name = fmt::format("{}_{}_{}_t{}_e{}_k{}_{}x{}_s{}{}{}{}", dtype_info(types.gate).name,
                       dtype_info(types.up).name, dtype_info(types.down).name, s.n_tokens, s.n_experts,
                       s.top_k, s.n_embd, s.n_ff, s.n_shared, fused ? "_fused" : "",
                       residual ? "_residual" : "", rounds ? "_rounded" : "");
  const auto weight = [](DType type, const Shape& shape) {
    return CaseOperand{{type, shape}, {.kind = Fill::Kind::kNormal, .scale = 0.05}};
  };
  const bool shared = s.n_shared > 0;
  c.operands = {normal(Shape(s.n_tokens, s.n_embd)),
                rounds ? rounded(Shape(s.n_tokens, s.n_embd), 0) : absent(),
                normal(Shape(s.n_tokens, s.n_experts), 2),
                weight(types.gate, Shape(s.n_experts, fused ? 2 * s.n_ff : s.n_ff, s.n_embd)),
                fused ? absent() : weight(types.up, Shape(s.n_experts, s.n_ff, s.n_embd)),
                weight(types.down, Shape(s.n_experts, s.n_embd, s.n_ff)),
                shared ? normal(Shape(s.n_tokens, s.n_shared)) : absent(),
                shared ? normal(Shape(s.n_tokens, s.n_shared)) : absent(),
                shared ? weight(types.shared, Shape(s.n_embd, s.n_shared)) : absent(),
                shared ? normal(Shape(s.n_tokens, 1)) : absent(),
                residual ? normal(Shape(s.n_tokens, s.n_embd), 0.1) : absent()};
  c.attrs = pack_attrs(MoeAttrs{s.top_k});
  c.nmse = kFloats;
  for (const DType type : {types.gate, types.up, types.down, types.shared})
    if (dtype_info(type).quantized) c.nmse = kRoundedTwice;
  c.bench = bench;
  return c;
}

// The same with many equal logits among the experts.
OpCase tied(OpCase c) {
  c.name += "_ties";
  c.operands[kLogits] = whole(c.operands[kLogits].type.shape, 0, 3);
  return c;
}

}  // namespace

std::vector<OpCase> cases_moe() {
  constexpr DType kF32 = DType::kF32, kF16 = DType::kF16, kBF16 = DType::kBF16, kQ4 = DType::kQ4_0,
                  kQ8 = DType::kQ8_0, kQ4K = DType::kQ4_K, kQ6K = DType::kQ6_K;
  std::vector<OpCase> all;
  for (const int64_t t : {1, 2, 5, 40}) {
    all.push_back(make({t, 8, 2, 256, 64, 64}, {kF32, kF32, kF32, kF32}, false, true));
    all.push_back(make({t, 8, 2, 256, 64, 0}, {kF32, kF32, kF32, kF32}, false, false));
    all.push_back(make({t, 7, 3, 96, 32, 160}, {kQ8, kQ8, kQ4, kQ8}, true, true));
    all.push_back(make({t, 5, 3, 256, 256, 256}, {kQ4K, kQ4K, kQ6K, kQ4K}, false, true));
    all.push_back(make({t, 5, 2, 256, 32, 32}, {kQ4K, kQ4K, kQ8, kQ8}, false, true, true));
    all.push_back(make({t, 4, 2, 96, 64, 0}, {kQ4, kF16, kQ4, kQ4}, false, false, true));
    all.push_back(make({t, 6, 6, 64, 96, 32}, {kQ4, kF16, kQ8, kF16}, false, false));
    all.push_back(tied(make({t, 9, 4, 64, 32, 0}, {kF32, kF32, kF32, kF32}, false, false)));
  }
  all.push_back(make({1, 1, 1, 37, 13, 5}, {kF32, kBF16, kF16, kBF16}, false, true));
  all.push_back(make({3, 3, 1, 45, 70, 33}, {kF16, kF16, kBF16, kF32}, true, false));
  all.push_back(make({9, 600, 10, 1024, 32, 64}, {kQ4, kQ4, kQ4, kQ8}, false, true));  // members share all
  // More tokens than are always exact; rows of experts longer than what is summed at once; many chosen.
  all.push_back(make({70, 7, 3, 96, 32, 160}, {kQ8, kQ8, kQ4, kQ8}, true, true));
  all.push_back(make({70, 5, 3, 256, 64, 256}, {kQ4K, kQ4, kQ8, kQ4K}, false, false));
  all.push_back(make({90, 6, 2, 64, 32, 0}, {kF32, kF32, kF32, kF32}, false, true));
  all.push_back(make({3, 4, 2, 64, 1120, 0}, {kQ4, kQ4, kQ8, kQ8}, false, true));
  all.push_back(make({2, 24, 19, 64, 32, 64}, {kQ8, kQ8, kQ8, kQ8}, false, true));
  for (const int64_t t : {1, 64}) {
    all.push_back(make({t, 32, 8, 2048, 512, 512}, {kQ4, kQ4, kQ4, kQ4}, false, true, true, true));
    all.push_back(make({t, 32, 8, 2048, 512, 512}, {kQ4K, kQ4K, kQ6K, kQ8}, false, true, true, true));
  }
  return all;
}

}  // namespace gannet
