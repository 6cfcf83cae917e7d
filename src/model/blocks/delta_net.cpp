#include <fmt/core.h>

#include "model/blocks/blocks.h"
#include "ops/causal_conv/causal_conv.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"
#include "ops/gated_rms_norm/gated_rms_norm.h"
#include "ops/reshape/reshape.h"
#include "ops/slice/slice.h"

namespace gannet {

std::string conv_state(uint32_t block) {
  return fmt::format("conv.{}", block);
}
std::string delta_state(uint32_t block) {
  return fmt::format("delta.{}", block);
}

ValueId delta_net_block(const BlockContext& c, uint32_t n, ValueId x) {
  const Hyperparameters& hp = c.hp;
  GraphBuilder& b = c.builder;
  const int64_t t = c.n_tokens(), hk = hp.n_k_heads, hv = hp.n_v_heads, s = hp.delta_head_dim;

  const ValueId qkv = c.product(x, n, "attn_qkv.weight");
  const ValueId z = c.product(x, n, "attn_gate.weight");
  const ValueId beta = c.product(x, n, "ssm_beta.weight");
  const ValueId alpha = c.product(x, n, "ssm_alpha.weight");

  const TensorType window{DType::kRecurrent, Shape(hp.conv_kernel - 1, hp.conv_channels())};
  const ValueId taps = c.vector(n, "ssm_conv1d.weight");
  const ValueId mixed = causal_conv(b, qkv, taps, b.state(conv_state(n), window));
  const ValueId q = reshape(b, slice(b, mixed, 1, 0, hk * s), Shape(t, hk, s));
  const ValueId k = reshape(b, slice(b, mixed, 1, hk * s, hk * s), Shape(t, hk, s));
  const ValueId v = reshape(b, slice(b, mixed, 1, 2 * hk * s, hv * s), Shape(t, hv, s));

  const TensorType matrix{DType::kRecurrent, Shape(hv, s, s)};
  const ValueId rate = c.vector(n, "ssm_a"), step_bias = c.vector(n, "ssm_dt.bias");
  const ValueId o =
      gated_delta_rule(b, q, k, v, alpha, beta, rate, step_bias, b.state(delta_state(n), matrix),
                       {hp.eps, hp.arch_facts().grouped_heads ? HeadMap::kGrouped : HeadMap::kTiled});
  const ValueId gated =
      gated_rms_norm(b, o, c.vector(n, "ssm_norm.weight"), reshape(b, z, Shape(t, hv, s)), hp.eps);
  return c.product(reshape(b, gated, Shape(t, hv * s)), n, "ssm_out.weight");
}

}  // namespace gannet
