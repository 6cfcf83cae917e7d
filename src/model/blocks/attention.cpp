#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "model/blocks/blocks.h"
#include "ops/attention/attention.h"
#include "ops/kv_append/kv_append.h"
#include "ops/reshape/reshape.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/rope/rope.h"
#include "ops/slice/slice.h"

namespace gannet {
namespace {

RopeAttrs rope_attrs(const Hyperparameters& hp) {
  RopeAttrs a{};
  a.n_rot = hp.n_rot;
  a.base = hp.rope_base;
  a.freq_scale = 1.0f;
  a.magnitude = 1.0f;
  if (hp.rope_scaling == "none") return a;
  a.freq_scale = 1.0f / hp.rope_factor;
  if (hp.rope_scaling != "yarn") return a;
  // YaRN: pairs that turn more than 32 times over the original context keep their angle, those that turn less
  // than once are interpolated, a ramp between (Peng et al., arXiv 2309.00071).
  const double pi = 3.14159265358979323846;
  const auto pair_with_turns = [&](double turns) {
    return hp.n_rot * std::log(hp.rope_original_context / (turns * 2.0 * pi)) /
           (2.0 * std::log(double{hp.rope_base}));
  };
  a.yarn_ext = 1.0f;
  a.ramp_low = static_cast<float>(std::max(0.0, std::floor(pair_with_turns(32.0))));
  a.ramp_high = static_cast<float>(std::min(hp.n_rot - 1.0, std::ceil(pair_with_turns(1.0))));
  // Attention gets sharper only where the context was made longer.
  a.magnitude = hp.rope_attn_factor * (0.1f * std::log(std::max(hp.rope_factor, 1.0f)) + 1.0f);
  return a;
}

}  // namespace

std::string kv_state(uint32_t block) {
  return fmt::format("kv.{}", block);
}

namespace {

ValueId kv_of(const BlockContext& c, uint32_t n) {
  return c.builder.state(kv_state(n), {DType::kKvCache, Shape(c.hp.n_kv_heads, c.hp.head_dim)});
}

// F32[n_tokens, n_kv_heads, head_dim]
ValueId kv_heads(const BlockContext& c, uint32_t n, ValueId x, const char* matrix) {
  return reshape(c.builder, c.product(x, n, matrix), Shape(c.n_tokens(), c.hp.n_kv_heads, c.hp.head_dim));
}

ValueId normed_and_rotated(const BlockContext& c, uint32_t n, ValueId heads, const char* norm) {
  GraphBuilder& b = c.builder;
  return rope(b, rms_norm(b, heads, c.vector(n, norm), c.hp.eps), c.positions, rope_attrs(c.hp));
}

}  // namespace

void keep_attention_inputs(const BlockContext& c, uint32_t n, ValueId x) {
  const ValueId k = kv_heads(c, n, x, "attn_k.weight"), v = kv_heads(c, n, x, "attn_v.weight");
  kv_append(c.builder, kv_of(c, n), normed_and_rotated(c, n, k, "attn_k_norm.weight"), v);
}

ValueId attention_block(const BlockContext& c, uint32_t n, ValueId x) {
  const Hyperparameters& hp = c.hp;
  GraphBuilder& b = c.builder;
  const int64_t t = c.n_tokens(), heads = hp.n_heads, d = hp.head_dim;

  ValueId q = c.product(x, n, "attn_q.weight");
  ValueId gate = kNoValue;
  if (hp.arch_facts().gated_attention) {  // per head: d of query, then d of gate
    const ValueId pairs = reshape(b, q, Shape(t, heads, 2 * d));
    q = slice(b, pairs, 2, 0, d);
    gate = slice(b, pairs, 2, d, d);
  } else {
    q = reshape(b, q, Shape(t, heads, d));
  }
  ValueId k = kv_heads(c, n, x, "attn_k.weight");
  const ValueId v = kv_heads(c, n, x, "attn_v.weight");
  q = normed_and_rotated(c, n, q, "attn_q_norm.weight");
  k = normed_and_rotated(c, n, k, "attn_k_norm.weight");
  const ValueId o = attention(b, q, k, v, kv_of(c, n), gate, 1.0f / std::sqrt(static_cast<float>(d)));
  return c.product(reshape(b, o, Shape(t, heads * d)), n, "attn_output.weight");
}

}  // namespace gannet
