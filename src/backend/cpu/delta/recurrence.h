// The recurrence of Gated DeltaNet token by token, and the transforms of its inputs. For a row j of the state
// (value index j, key indices contiguous) with k, q normalised:
//   seen = S.k, out = S.q, e = beta (v_j - decay * seen), S <- decay * S + e * k,
//   o_j = (decay * out + e * (k.q)) / sqrt(S)
// so both dots are of the old row and one read of it serves both. Only for kernel files.
#pragma once

#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {

inline constexpr int kDeltaRows = 4;  // state rows at a time, they share the loads of k and q

// The m-th value head of a key head, and back; m < heads / key_heads. Tiled: value head h belongs to key head
// h % key_heads, else (grouped) to h / (heads / key_heads).
GANNET_INLINE int64_t delta_value_head(bool tiled, int64_t heads, int64_t key_heads, int64_t key_head,
                                       int64_t m) {
  return tiled ? m * key_heads + key_head : key_head * (heads / key_heads) + m;
}
GANNET_INLINE int64_t delta_key_head(bool tiled, int64_t heads, int64_t key_heads, int64_t head) {
  return tiled ? head % key_heads : head / (heads / key_heads);
}

GANNET_INLINE float l2_scale(const float* x, int64_t s, float eps) {
  return 1.0f / __builtin_sqrtf(sum_of_squares(x, s) + eps);
}

// Normalises q and k and returns their product.
GANNET_INLINE float normalise_qk(const float* q, const float* k, int64_t s, float eps, float* q_out,
                                 float* k_out) {
  const VF q_scale = splat(l2_scale(q, s, eps)), k_scale = splat(l2_scale(k, s, eps));
  map_row(q, q_out, s, [&](VF x) GANNET_LAMBDA { return x * q_scale; });
  map_row(k, k_out, s, [&](VF x) GANNET_LAMBDA { return x * k_scale; });
  VF sum = splat(0);
  int64_t c = 0;
  for (; c + kLanes <= s; c += kLanes) sum = fma(load(q_out + c), load(k_out + c), sum);
  if (c < s) sum = fma(load_part(q_out + c, s - c), load_part(k_out + c, s - c), sum);
  return reduce_add(sum);
}

struct TokenGates {
  float decay, beta;
};

// Double precision: decays close to one are multiplied over thousands of tokens.
GANNET_INLINE TokenGates delta_gates(float alpha_logit, float beta_logit, float a, float dt) {
  const double alpha = static_cast<double>(alpha_logit) + dt;
  const double softplus = alpha > 20 ? alpha : __builtin_log1p(__builtin_exp(alpha));
  const double beta = beta_logit;
  return {static_cast<float>(__builtin_exp(a * softplus)),
          static_cast<float>(1.0 / (1.0 + __builtin_exp(-beta)))};
}

// One token over kDeltaRows rows of a state: `from` is the old state, `to` receives the new one (they may be
// equal).
GANNET_INLINE void delta_step(const float* from, float* to, const float* q, const float* k, const float* v,
                              float* o, TokenGates gates, float kq, float out_scale, int64_t s) {
  VF seen[kDeltaRows], out[kDeltaRows];
  for (int r = 0; r < kDeltaRows; ++r) seen[r] = out[r] = splat(0);
  int64_t c = 0;
  for (; c + kLanes <= s; c += kLanes) {
    const VF kc = load(k + c), qc = load(q + c);
    for (int r = 0; r < kDeltaRows; ++r) {
      const VF state = load(from + r * s + c);
      seen[r] = fma(state, kc, seen[r]);
      out[r] = fma(state, qc, out[r]);
    }
  }
  const int64_t rest = s - c;
  if (rest > 0) {
    const VF kc = load_part(k + c, rest), qc = load_part(q + c, rest);
    for (int r = 0; r < kDeltaRows; ++r) {
      const VF state = load_part(from + r * s + c, rest);
      seen[r] = fma(state, kc, seen[r]);
      out[r] = fma(state, qc, out[r]);
    }
  }
  VF e[kDeltaRows];
  for (int r = 0; r < kDeltaRows; ++r) {
    const float error = gates.beta * (v[r] - gates.decay * reduce_add(seen[r]));
    o[r] = (gates.decay * reduce_add(out[r]) + error * kq) * out_scale;
    e[r] = splat(error);
  }
  const VF d = splat(gates.decay);
  for (c = 0; c + kLanes <= s; c += kLanes) {
    const VF kc = load(k + c);
    for (int r = 0; r < kDeltaRows; ++r) store(to + r * s + c, fma(e[r], kc, d * load(from + r * s + c)));
  }
  if (rest > 0) {
    const VF kc = load_part(k + c, rest);
    for (int r = 0; r < kDeltaRows; ++r)
      store_part(to + r * s + c, fma(e[r], kc, d * load_part(from + r * s + c, rest)), rest);
  }
}

}  // namespace gannet::GANNET_ISA_NS
