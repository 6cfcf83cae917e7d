#include "ops/delta_mixer/delta_mixer.h"

#include <cstring>

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/causal_conv/causal_conv.h"
#include "ops/delta_mixer/operands.h"
#include "ops/gated_rms_norm/gated_rms_norm.h"
#include "ops/reshape/reshape.h"
#include "ops/rules.h"
#include "ops/slice/slice.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"qkv"}, {"z"},  {"alpha_logits"}, {"beta_logits"}, {"taps"},
                                    {"a"},   {"dt"}, {"norm"},         {"conv"},        {"delta"}};
constexpr const char* kHeadMaps[] = {"tiled", "grouped"};
constexpr AttrDef kAttrs[] = {
    {"eps", AttrKind::kFloat, offsetof(DeltaMixerAttrs, eps)},
    {"heads", AttrKind::kEnum, offsetof(DeltaMixerAttrs, heads), kHeadMaps},
};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_delta_mixer;
  const TensorType &qkv = site.operands[kQkv], &taps = site.operands[kTaps], &a = site.operands[kA],
                   &norm = site.operands[kNorm];
  GANNET_TRY(expect_f32(op, site, kQkv));
  GANNET_TRY(expect_rank(op, site, kQkv, 2, "[n_tokens, n_channels]"));
  GANNET_TRY(expect_f32(op, site, kTaps));
  GANNET_TRY(expect_rank(op, site, kTaps, 2, "[n_channels, n_taps]"));
  GANNET_TRY(expect_rank(op, site, kA, 1, "[n_value_heads]"));
  GANNET_TRY(expect_rank(op, site, kNorm, 1, "[S]"));
  const int64_t n_tokens = qkv.shape.dim[0], channels = qkv.shape.dim[1], s = norm.shape.dim[0];
  const int64_t heads = a.shape.dim[0], keys = channels - heads * s;
  if (s < 1 || heads < 1 || keys < 1 || keys % (2 * s) != 0 || heads % (keys / (2 * s)) != 0)
    return shape_error(
        op, fmt::format("qkv {} does not hold q and k of a divisor of {} value heads, and v, for heads "
                        "of {}",
                        to_text(qkv), heads, s));
  const TensorType gates{DType::kF32, Shape(n_tokens, heads)}, per_head{DType::kF32, Shape(heads)};
  const TensorType result{DType::kF32, Shape(n_tokens, heads * s)};
  GANNET_TRY(expect_type(op, site, kZ, result, "([n_tokens, n_value_heads * S])"));
  GANNET_TRY(expect_type(op, site, kAlpha, gates, "([n_tokens, n_value_heads])"));
  GANNET_TRY(expect_type(op, site, kBeta, gates, "([n_tokens, n_value_heads])"));
  if (taps.shape.dim[0] != channels || taps.shape.dim[1] < 2)
    return shape_error(op, fmt::format("taps {} must have a row of 2 or more for each channel of qkv {}",
                                       to_text(taps), to_text(qkv)));
  GANNET_TRY(expect_type(op, site, kA, per_head, "([n_value_heads])"));
  GANNET_TRY(expect_type(op, site, kDt, per_head, "([n_value_heads])"));
  GANNET_TRY(expect_type(op, site, kNorm, {DType::kF32, Shape(s)}, "([S])"));
  GANNET_TRY(expect_type(op, site, kConv, {DType::kRecurrent, Shape(taps.shape.dim[1] - 1, channels)},
                         "([taps - 1, n_channels])"));
  GANNET_TRY(
      expect_type(op, site, kDelta, {DType::kRecurrent, Shape(heads, s, s)}, "([n_value_heads, S, S])"));
  return std::vector<TensorType>{result};
}

// The parts' arithmetic; both states are read and written once.
Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 25);
  const int64_t conv = site.operands[kConv].shape.elements(), delta = site.operands[kDelta].shape.elements();
  for (const int parameter : {kTaps, kA, kDt, kNorm})
    cost.weight_bytes += type_bytes(site.operands[parameter]);
  cost.activation_bytes -= cost.weight_bytes;
  cost.state_bytes = 2 * (conv + delta) * int64_t{sizeof(float)};
  cost.flops += site.operands[kQkv].shape.elements() * (2 * site.operands[kTaps].shape.dim[1] + 20) +
                7 * delta * site.operands[kQkv].shape.dim[0];
  return cost;
}

std::vector<ValueId> decompose(GraphBuilder& b, const OpSite& site, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  const auto& attrs = site.as<DeltaMixerAttrs>();
  const int64_t t = site.operands[kQkv].shape.dim[0], s = site.operands[kNorm].shape.dim[0];
  const int64_t hv = site.operands[kA].shape.dim[0], hk = (site.operands[kQkv].shape.dim[1] / s - hv) / 2;
  const ValueId z = operands[kZ], alpha = operands[kAlpha], beta = operands[kBeta], taps = operands[kTaps],
                a = operands[kA], dt = operands[kDt], norm = operands[kNorm];
  const ValueId mixed = causal_conv(b, operands[kQkv], taps, operands[kConv]);
  const ValueId q = reshape(b, slice(b, mixed, 1, 0, hk * s), Shape(t, hk, s));
  const ValueId k = reshape(b, slice(b, mixed, 1, hk * s, hk * s), Shape(t, hk, s));
  const ValueId v = reshape(b, slice(b, mixed, 1, 2 * hk * s, hv * s), Shape(t, hv, s));
  const ValueId o =
      gated_delta_rule(b, q, k, v, alpha, beta, a, dt, operands[kDelta], {attrs.eps, attrs.heads});
  const ValueId gated = gated_rms_norm(b, o, norm, reshape(b, z, Shape(t, hv, s)), attrs.eps);
  return {reshape(b, gated, Shape(t, hv * s))};
}

OpSample sample(int64_t t, int64_t hk, int64_t hv, int64_t s, HeadMap map) {
  constexpr int64_t n_taps = 4;
  const int64_t channels = (2 * hk + hv) * s;
  const auto f32 = [](const Shape& shape) { return TensorType{DType::kF32, shape}; };
  OpSample sample{{f32(Shape(t, channels)),
                   f32(Shape(t, hv * s)),
                   f32(Shape(t, hv)),
                   f32(Shape(t, hv)),
                   f32(Shape(channels, n_taps)),
                   f32(Shape(hv)),
                   f32(Shape(hv)),
                   f32(Shape(s)),
                   {DType::kRecurrent, Shape(n_taps - 1, channels)},
                   {DType::kRecurrent, Shape(hv, s, s)}},
                  {}};
  const DeltaMixerAttrs attrs{1e-6f, map};
  std::memcpy(sample.attrs.raw.data(), &attrs, sizeof(attrs));
  return sample;
}

// Shared key heads in both orders, and a key head for each value head.
std::vector<OpSample> samples(const TensorType& result) {
  const int64_t t = result.shape.dim[0];
  if (result.dtype != DType::kF32 || result.shape.rank != 2) return {};
  constexpr int64_t kHeads = 4, kSize = 8;
  return {sample(t, kHeads / 2, kHeads, kSize, HeadMap::kGrouped),
          sample(t, kHeads / 2, kHeads, kSize, HeadMap::kTiled),
          sample(t, kHeads, kHeads, kSize, HeadMap::kTiled)};
}

}  // namespace

const OpDef kOp_delta_mixer = {
    .name = "delta_mixer",
    .summary =
        "The middle of a Gated DeltaNet layer: causal convolution with SiLU of q, k and v, the gated delta "
        "rule, and "
        "its RMS norm gated with silu(z).",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .decompose = decompose,
    .writes_state = true,
    .samples = samples,
    .structural_axes = 1,
};

ValueId delta_mixer(GraphBuilder& builder, const DeltaMixerOperands& o, const DeltaMixerAttrs& attrs) {
  return builder.add1(kOp_delta_mixer,
                      {o.qkv, o.z, o.alpha, o.beta, o.taps, o.a, o.dt, o.norm, o.conv, o.delta}, attrs);
}

}  // namespace gannet
