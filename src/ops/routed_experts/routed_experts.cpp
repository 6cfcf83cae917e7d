#include "ops/routed_experts/routed_experts.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/binary/binary.h"
#include "ops/expert_matmul/expert_matmul.h"
#include "ops/reduce_sum/reduce_sum.h"
#include "ops/reshape/reshape.h"
#include "ops/slice/slice.h"
#include "ops/unary/unary.h"
#include "ops/weight_type.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"experts"}, {"weights"}, {"gate"}, {"up", true}, {"down"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType &x = site.operands[0], &experts = site.operands[1], &weights = site.operands[2];
  const TensorType &gate = site.operands[3], &up = site.operands[4], &down = site.operands[5];
  const auto bad = [](std::string what) { return shape_error(kOp_routed_experts, what); };
  if (x.dtype != DType::kF32 || x.shape.rank != 2)
    return bad(fmt::format("x must be F32[n_tokens, n_embd], not {}", to_text(x)));
  const int64_t n_tokens = x.shape.dim[0], n_embd = x.shape.dim[1];
  if (experts.dtype != DType::kI32 || experts.shape.rank != 2 || experts.shape.dim[0] != n_tokens)
    return bad(fmt::format("experts must be I32[{}, top_k], not {}", n_tokens, to_text(experts)));
  if (weights.dtype != DType::kF32 || weights.shape != experts.shape)
    return bad(
        fmt::format("weights {} must be F32 in the shape of experts {}", to_text(weights), to_text(experts)));
  const TensorType* const matrices[] = {&gate, &up, &down};
  const char* const names[] = {"gate", "up", "down"};
  for (int i = 0; i < 3; ++i) {
    const TensorType& m = *matrices[i];
    if (i == 1 && m.shape.rank == 0) continue;
    if (!is_weight_type(m.dtype) || m.shape.rank != 3 || !whole_blocks(m))
      return bad(fmt::format("{} {} must have rank 3, a weight type and rows of whole blocks", names[i],
                             to_text(m)));
  }
  const int64_t n_experts = down.shape.dim[0], n_ff = down.shape.dim[2];
  if (down.shape.dim[1] != n_embd)
    return bad(fmt::format("down {} does not give rows of {} like x", to_text(down), n_embd));
  const bool fused = up.shape.rank == 0;
  if (gate.shape != Shape(n_experts, fused ? 2 * n_ff : n_ff, n_embd))
    return bad(fmt::format("gate must be [{}, {}, {}] to go with down, not {}", n_experts,
                           fused ? 2 * n_ff : n_ff, n_embd, to_text(gate)));
  if (!fused && up.shape != gate.shape)
    return bad(fmt::format("up {} must have the shape of gate {}", to_text(up), to_text(gate)));
  if (experts.shape.dim[1] < 1 || experts.shape.dim[1] > n_experts)
    return bad(
        fmt::format("experts {} chooses more than the {} experts there are", to_text(experts), n_experts));
  return std::vector<TensorType>{{DType::kF32, x.shape}};
}

// Weight bytes: the experts that must be read if the choices are spread as evenly as they can be.
Cost cost(const OpSite& site) {
  const Shape &x = site.operands[0].shape, &down = site.operands[5].shape;
  const int64_t pairs = site.operands[1].shape.elements(), n_experts = down.dim[0];
  const int64_t all_bytes = type_bytes(site.operands[3]) + type_bytes(site.operands[5]) +
                            (site.operands[4].shape.rank == 0 ? 0 : type_bytes(site.operands[4]));
  return {.weight_bytes = all_bytes / n_experts * (pairs < n_experts ? pairs : n_experts),
          .activation_bytes = 8 * x.elements() + 8 * pairs,
          .flops = pairs * (6 * down.dim[1] * down.dim[2] + 4 * down.dim[2])};
}

std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite& site, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  const ValueId x = operands[0], experts = operands[1];
  const int64_t n_tokens = site.operands[1].shape.dim[0], top_k = site.operands[1].shape.dim[1];
  const int64_t n_embd = site.operands[5].shape.dim[1], n_ff = site.operands[5].shape.dim[2];
  ValueId gate = expert_matmul(builder, x, operands[3], experts), up;
  if (operands[4] == kNoValue) {
    up = slice(builder, gate, 2, n_ff, n_ff);
    gate = slice(builder, gate, 2, 0, n_ff);
  } else {
    up = expert_matmul(builder, x, operands[4], experts);
  }
  const ValueId hidden = mul(builder, silu(builder, gate), up);
  const ValueId down = expert_matmul(builder, hidden, operands[5], experts);
  const ValueId weighted = mul(builder, down, reshape(builder, operands[2], Shape(n_tokens, top_k, 1)));
  return {reshape(builder, reduce_sum(builder, weighted, 1), Shape(n_tokens, n_embd))};
}

std::vector<OpSample> samples(const TensorType& result) {
  if (result.dtype != DType::kF32 || result.shape.rank != 2) return {};
  const int64_t n_tokens = result.shape.dim[0], n_embd = result.shape.dim[1], n_experts = 4, top_k = 2,
                n_ff = 32;
  const TensorType chosen{DType::kI32, Shape(n_tokens, top_k)}, weights{DType::kF32, Shape(n_tokens, top_k)};
  const TensorType up{DType::kF32, Shape(n_experts, n_ff, n_embd)};
  const TensorType both{DType::kF32, Shape(n_experts, 2 * n_ff, n_embd)};
  const TensorType down{DType::kF32, Shape(n_experts, n_embd, n_ff)};
  return {{{result, chosen, weights, up, up, down}, {}}, {{result, chosen, weights, both, {}, down}, {}}};
}

}  // namespace

const OpDef kOp_routed_experts = {
    .name = "routed_experts",
    .summary =
        "The chosen experts of each token: down(silu(gate x) * up x), summed with the router's weights.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .decompose = decompose,
    .samples = samples,
    .structural_axes = 0,
};

ValueId routed_experts(GraphBuilder& builder, ValueId x, const ValueId experts, ValueId weights, ValueId gate,
                       ValueId up, ValueId down) {
  return builder.add1(kOp_routed_experts, {x, experts, weights, gate, up, down});
}

}  // namespace gannet
