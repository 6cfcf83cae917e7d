#include "ops/attention/attention.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/binary/binary.h"
#include "ops/bmm/bmm.h"
#include "ops/copy/copy.h"
#include "ops/kv_append/kv_append.h"
#include "ops/kv_read/kv_read.h"
#include "ops/permute/permute.h"
#include "ops/repeat/repeat.h"
#include "ops/rules.h"
#include "ops/scale/scale.h"
#include "ops/softmax/softmax.h"
#include "ops/unary/unary.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"q"}, {"k"}, {"v"}, {"kv"}, {"gate", true}};
constexpr AttrDef kAttrs[] = {{"scale", AttrKind::kFloat, offsetof(AttentionAttrs, scale)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_attention;
  const TensorType &q = site.operands[0], &k = site.operands[1];
  GANNET_TRY(expect_f32(op, site, 0));
  GANNET_TRY(expect_rank(op, site, 0, 3, "[n_tokens, n_heads, head_dim]"));
  GANNET_TRY(expect_f32(op, site, 1));
  GANNET_TRY(expect_rank(op, site, 1, 3, "[n_tokens, n_kv_heads, head_dim]"));
  const int64_t kv_heads = k.shape.dim[1];
  if (k.shape.dim[0] != q.shape.dim[0] || k.shape.dim[2] != q.shape.dim[2] || kv_heads < 1 ||
      q.shape.dim[1] % kv_heads != 0)
    return shape_error(
        op, fmt::format("q {} must have the tokens and head_dim of k {} and a multiple of its heads",
                        to_text(q), to_text(k)));
  GANNET_TRY(expect_type(op, site, 2, k, "like k"));
  GANNET_TRY(expect_type(op, site, 3, {DType::kKvCache, Shape(kv_heads, q.shape.dim[2])},
                         "([n_kv_heads, head_dim])"));
  GANNET_TRY(expect_type(op, site, 4, q, "like q"));
  return std::vector<TensorType>{q};
}

Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 0);
  cost.flops = attention_flops(site.operands[0]);
  return cost;
}

Cost cost_per_past_token(const OpSite& site, const CostContext& context) {
  return attention_cost_per_past_token(site.operands[0], site.operands[1], context);
}

// The rows of the cache that the builder asks for may be more than there are tokens; the mask hides them.
std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite& site, std::span<const ValueId> operands,
                               const DecomposeContext& context) {
  const Shape &q = site.operands[0].shape, &k = site.operands[1].shape;
  const int64_t n_tokens = q.dim[0], heads = q.dim[1], kv_heads = k.dim[1];
  const ValueId kv = operands[3];
  kv_append(builder, kv, operands[1], operands[2]);
  auto [keys, values] = kv_read(builder, kv, context.n_kv, n_tokens);
  const auto by_head = [&](ValueId x) { return copy(builder, permute(builder, x, {1, 0, 2})); };
  const ValueId query = by_head(operands[0]);
  if (heads != kv_heads) {
    keys = repeat(builder, keys, 0, heads / kv_heads, RepeatKind::kInterleave);
    values = repeat(builder, values, 0, heads / kv_heads, RepeatKind::kInterleave);
  }
  const ValueId scores =
      scale(builder, bmm(builder, query, keys, BmmSide::kRows), site.as<AttentionAttrs>().scale);
  const ValueId mask =
      builder.input("attention.mask", {DType::kF32, Shape(n_tokens, context.n_kv)}, InputSource::kCausalMask);
  const ValueId o = by_head(bmm(builder, softmax(builder, scores, mask), values, BmmSide::kColumns));
  if (operands[4] == kNoValue) return {o};
  return {mul(builder, o, sigmoid(builder, copy(builder, operands[4])))};
}

// With and without a gate, with a KV head per query head and with fewer.
std::vector<OpSample> samples(const TensorType& result) {
  if (result.dtype != DType::kF32 || result.shape.rank != 3) return {};
  const int64_t n_tokens = result.shape.dim[0], heads = result.shape.dim[1], head_dim = result.shape.dim[2];
  std::vector<OpSample> all;
  for (const bool gated : {false, true})
    for (const int64_t share : {int64_t{1}, heads % 2 == 0 ? int64_t{2} : heads}) {
      if (share == 1 && heads == 1 && all.size() > (gated ? 1u : 0u)) continue;  // the same twice
      const TensorType k{DType::kF32, Shape(n_tokens, heads / share, head_dim)};
      all.push_back(
          {{result, k, k, {DType::kKvCache, Shape(heads / share, head_dim)}, gated ? result : TensorType{}},
           pack_attrs(AttentionAttrs{1.0f})});
    }
  return all;
}

}  // namespace

const OpDef kOp_attention = {
    .name = "attention",
    .summary =
        "Causal grouped-query softmax attention over a KV cache. Appends the K and V of this run to the "
        "cache, then "
        "token t sees positions 0 .. n_past + t; the result may be multiplied by sigmoid(gate).",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .cost_per_past_token = cost_per_past_token,
    .decompose = decompose,
    .writes_state = true,
    .samples = samples,
    .structural_axes = 1,
};

int64_t attention_flops(const TensorType& q) {
  return 4 * q.shape.elements() * (q.shape.dim[0] + 1) / 2;
}

Cost attention_cost_per_past_token(const TensorType& q, const TensorType& k, const CostContext& context) {
  const int64_t kv_heads = k.shape.dim[1], head_dim = k.shape.dim[2];
  Cost cost;
  cost.state_bytes = kv_heads * (row_bytes(context.k_type, head_dim) + row_bytes(context.v_type, head_dim));
  cost.flops = 4 * q.shape.elements();
  return cost;
}

ValueId attention(GraphBuilder& builder, ValueId q, ValueId k, ValueId v, ValueId kv, ValueId gate,
                  float scale) {
  return builder.add1(kOp_attention, {q, k, v, kv, gate}, AttentionAttrs{scale});
}

}  // namespace gannet
