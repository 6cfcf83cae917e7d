#include "ops/attention_mixer/attention_mixer.h"

#include <cstring>

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/attention/attention.h"
#include "ops/attention_mixer/operands.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"q"},
                                    {"k"},
                                    {"v"},
                                    {"gate", true},
                                    {"q_norm", false, Access::kDense},
                                    {"k_norm", false, Access::kDense},
                                    {"positions", false, Access::kDense},
                                    {"kv"}};
using Attrs = AttentionMixerAttrs;
constexpr AttrDef kAttrs[] = {
    {"eps", AttrKind::kFloat, offsetof(Attrs, eps)},
    {"scale", AttrKind::kFloat, offsetof(Attrs, scale)},
    {"n_rot", AttrKind::kInt, offsetof(Attrs, rope) + offsetof(RopeAttrs, n_rot)},
    {"base", AttrKind::kFloat, offsetof(Attrs, rope) + offsetof(RopeAttrs, base)},
    {"freq_scale", AttrKind::kFloat, offsetof(Attrs, rope) + offsetof(RopeAttrs, freq_scale)},
    {"yarn_ext", AttrKind::kFloat, offsetof(Attrs, rope) + offsetof(RopeAttrs, yarn_ext)},
    {"magnitude", AttrKind::kFloat, offsetof(Attrs, rope) + offsetof(RopeAttrs, magnitude)},
    {"ramp_low", AttrKind::kFloat, offsetof(Attrs, rope) + offsetof(RopeAttrs, ramp_low)},
    {"ramp_high", AttrKind::kFloat, offsetof(Attrs, rope) + offsetof(RopeAttrs, ramp_high)},
};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_attention_mixer;
  const TensorType &q = site.operands[kQ], &k = site.operands[kK];
  GANNET_TRY(expect_f32(op, site, kQ));
  GANNET_TRY(expect_rank(op, site, kQ, 3, "[n_tokens, n_heads, head_dim]"));
  GANNET_TRY(expect_f32(op, site, kK));
  GANNET_TRY(expect_rank(op, site, kK, 3, "[n_tokens, n_kv_heads, head_dim]"));
  const int64_t n_tokens = q.shape.dim[0], kv_heads = k.shape.dim[1], d = q.shape.dim[2];
  if (k.shape.dim[0] != n_tokens || k.shape.dim[2] != d || kv_heads < 1 || q.shape.dim[1] % kv_heads != 0)
    return shape_error(
        op, fmt::format("q {} must have the tokens and head_dim of k {} and a multiple of its heads",
                        to_text(q), to_text(k)));
  GANNET_TRY(expect_type(op, site, kV, k, "like k"));
  GANNET_TRY(expect_type(op, site, kGate, q, "like q"));
  GANNET_TRY(expect_type(op, site, kQNorm, {DType::kF32, Shape(d)}, "(head_dim)"));
  GANNET_TRY(expect_type(op, site, kKNorm, {DType::kF32, Shape(d)}, "(head_dim)"));
  GANNET_TRY(expect_type(op, site, kPositions, {DType::kI32, Shape(n_tokens)}, "(one position per token)"));
  GANNET_TRY(expect_type(op, site, kKv, {DType::kKvCache, Shape(kv_heads, d)}, "([n_kv_heads, head_dim])"));
  const auto& a = site.as<Attrs>();
  if (!(a.eps >= 0)) return shape_error(op, "eps must not be negative");
  if (a.rope.n_rot < 2 || a.rope.n_rot % 2 != 0 || a.rope.n_rot > d)
    return shape_error(op, fmt::format("n_rot is {}, must be even and between 2 and the head_dim of q {}",
                                       a.rope.n_rot, to_text(q)));
  if (!(a.rope.base > 0)) return shape_error(op, fmt::format("base is {}, must be positive", a.rope.base));
  return std::vector<TensorType>{q};
}

Cost cost(const OpSite& site) {
  const Shape &q = site.operands[kQ].shape, &k = site.operands[kK].shape;
  Cost cost = streaming_cost(site, 0);
  cost.weight_bytes = type_bytes(site.operands[kQNorm]) + type_bytes(site.operands[kKNorm]);
  cost.activation_bytes -= cost.weight_bytes;
  cost.flops = attention_flops(site.operands[kQ]) + 7 * (q.elements() + k.elements());
  return cost;
}

Cost cost_per_past_token(const OpSite& site, const CostContext& context) {
  return attention_cost_per_past_token(site.operands[kQ], site.operands[kK], context);
}

std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite& site, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  const auto& a = site.as<Attrs>();
  const ValueId q_normed = rms_norm(builder, operands[kQ], operands[kQNorm], a.eps);
  const ValueId q = rope(builder, q_normed, operands[kPositions], a.rope);
  const ValueId k_normed = rms_norm(builder, operands[kK], operands[kKNorm], a.eps);
  const ValueId k = rope(builder, k_normed, operands[kPositions], a.rope);
  return {attention(builder, q, k, operands[kV], operands[kKv], operands[kGate], a.scale)};
}

std::vector<OpSample> samples(const TensorType& result) {
  if (result.dtype != DType::kF32 || result.shape.rank != 3) return {};
  const int64_t n_tokens = result.shape.dim[0], heads = result.shape.dim[1], d = result.shape.dim[2];
  std::vector<OpSample> all;
  for (const bool gated : {false, true})
    for (const int64_t group : {1, 2}) {
      if (heads % group != 0 || d < 2) continue;
      OpSample sample;
      sample.operands.resize(kOperandCount);
      sample.operands[kQ] = result;
      sample.operands[kK] = sample.operands[kV] = {DType::kF32, Shape(n_tokens, heads / group, d)};
      if (gated) sample.operands[kGate] = result;
      sample.operands[kQNorm] = sample.operands[kKNorm] = {DType::kF32, Shape(d)};
      sample.operands[kPositions] = {DType::kI32, Shape(n_tokens)};
      sample.operands[kKv] = {DType::kKvCache, Shape(heads / group, d)};
      const Attrs attrs{1e-6f, 1.0f, {2, 10000.0f, 1.0f, 0.0f, 1.0f, 0.0f, 0.0f}};
      std::memcpy(sample.attrs.raw.data(), &attrs, sizeof(attrs));
      all.push_back(sample);
    }
  return all;
}

}  // namespace

const OpDef kOp_attention_mixer = {
    .name = "attention_mixer",
    .summary =
        "Causal grouped-query attention over a KV cache with the RMS norm and the rotary position embedding "
        "of the query and key heads before it; the result may be multiplied by sigmoid(gate).",
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

ValueId attention_mixer(GraphBuilder& builder, const AttentionMixerOperands& o,
                        const AttentionMixerAttrs& attrs) {
  return builder.add1(kOp_attention_mixer, {o.q, o.k, o.v, o.gate, o.q_norm, o.k_norm, o.positions, o.kv},
                      attrs);
}

}  // namespace gannet
