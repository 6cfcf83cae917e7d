#include "ops/attention/attention.h"

#include "ops/mul/mul.h"
#include "ops/rules.h"
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

// The part that the types tell: this run's own tokens. What the cache holds already is known only when
// running.
Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 0);
  const Shape& q = site.operands[0].shape;
  cost.flops = 4 * q.elements() * (q.dim[0] + 1) / 2;
  return cost;
}

// Without a gate the op is primitive and this returns nothing.
std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite& site, std::span<const ValueId> operands) {
  if (operands[4] == kNoValue) return {};
  const ValueId o = attention(builder, operands[0], operands[1], operands[2], operands[3], kNoValue,
                              site.as<AttentionAttrs>().scale);
  return {mul(builder, o, sigmoid(builder, operands[4]))};
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
    .decompose = decompose,
};

ValueId attention(GraphBuilder& builder, ValueId q, ValueId k, ValueId v, ValueId kv, ValueId gate,
                  float scale) {
  return builder.add1(kOp_attention, {q, k, v, kv, gate}, AttentionAttrs{scale});
}

}  // namespace gannet
