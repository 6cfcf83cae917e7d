// The recurrence of Gated DeltaNet token by token, and the transforms of its inputs. For a row j of the state
// (value index j, key indices contiguous) with k, q normalised:
//   seen = S.k, out = S.q, e = beta (v_j - decay * seen), S <- decay * S + e * k,
//   o_j = (decay * out + e * (k.q)) / sqrt(S)
// so both dots are of the old row and one read of it serves both. What a token did to the state is (decay, k,
// e), its entry in the ring, and is done when the state is next read: the entries of tokens before this run
// and the token just computed are the same to the arithmetic. Only for kernel files.
#pragma once

#include "backend/api/state_view.h"
#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {

// State rows at a time: they share the loads of k and q, and two sums each fill whole vectors.
#if defined(__AVX2__) && !defined(__AVX512F__)
inline constexpr int kDeltaRows = 4;  // 16 registers
#else
inline constexpr int kDeltaRows = 8;  // 32 registers
#endif
static_assert(2 * kDeltaRows % kLanes == 0);

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

// The rows of one segment as a value head sees them: of row t, x + t * x_step.
struct DeltaTokens {
  const float *q, *k, *kq;  // normalised, and their product
  const TokenGates* gates;
  const float* v;
  float* o;
  int64_t qk_step, kq_step, gates_step, v_step, o_step;
};

// The state of one value head in one segment.
struct DeltaHead {
  const StepSegment& segment;
  int64_t s, key_at, error_at, decay_at;  // the last three: floats from the start of an entry
  const float* base;                      // [S, S]
  float* next_base;                       // null: no base is stored
  int64_t n_pending, base_after, rows_in_base;
  RingWalk<const float> pending;
  RingWalk<float> left;  // where the first row that leaves an entry leaves it

  GANNET_INLINE DeltaHead(const RecurrentView& state, const StepSegment& segment_, int64_t s_, int64_t heads,
                          int64_t key_heads, int64_t head, int64_t key_head)
      : segment(segment_),
        s(s_),
        key_at(heads + key_head * s),
        error_at(heads + (key_heads + head) * s),
        decay_at(head),
        base(state.base(segment) + head * s * s),
        next_base(segment.base_after() < 0 ? nullptr : state.next_base(segment) + head * s * s),
        n_pending(segment.n_past - segment.base_at),
        base_after(segment.base_after()),
        rows_in_base(segment.rows_in_base()),
        pending(state.entries(segment, segment.base_at)),
        left(state.next_entries(segment, segment.n_past + rows_in_base)) {}

  // The part of the entries that is not different for every state row, from the first row that leaves one.
  // The decay belongs to the value head, the key to all value heads of its key head.
  GANNET_INLINE void leave_decays(const DeltaTokens& in) const {
    RingWalk<float> ring = left;
    for (int64_t t = rows_in_base; t < segment.n_rows; ++t, ring.next())
      ring.entry()[decay_at] = in.gates[t * in.gates_step].decay;
  }
  GANNET_INLINE void leave_keys(const DeltaTokens& in) const {
    RingWalk<float> ring = left;
    for (int64_t t = rows_in_base; t < segment.n_rows; ++t, ring.next())
      map_row(in.k + t * in.qk_step, ring.entry() + key_at, s, [](VF x) GANNET_LAMBDA { return x; });
  }
};

// Columns of state rows, a whole vector or the end of a row.
template <bool kPart>
struct DeltaColumns {
  int64_t at, n;
  GANNET_INLINE VF of(const float* row) const { return kPart ? load_part(row + at, n) : load(row + at); }
  GANNET_INLINE void put(float* row, VF v) const {
    if (kPart)
      store_part(row + at, v, n);
    else
      store(row + at, v);
  }
};

// kDeltaRows rows of `from` with the entries that pend(columns, state) does, to `to` unless that is null, and
// when kDots, their products with k, then those with q, in `dots`.
template <bool kDots, class Pend>
GANNET_INLINE void delta_pass(const float* from, float* to, const float* q, const float* k, int64_t s,
                              float* dots, Pend pend) {
  VF sum[2 * kDeltaRows];
  for (VF& v : sum) v = splat(0);
  const auto columns = [&](auto c) GANNET_LAMBDA {
    VF state[kDeltaRows];
    for (int r = 0; r < kDeltaRows; ++r) state[r] = c.of(from + r * s);
    pend(c, state);
    if (to != nullptr)
      for (int r = 0; r < kDeltaRows; ++r) c.put(to + r * s, state[r]);
    if (!kDots) return;
    const VF kc = c.of(k), qc = c.of(q);
    for (int r = 0; r < kDeltaRows; ++r) {
      sum[r] = fma(state[r], kc, sum[r]);
      sum[kDeltaRows + r] = fma(state[r], qc, sum[kDeltaRows + r]);
    }
  };
  int64_t c = 0;
  for (; c + kLanes <= s; c += kLanes) columns(DeltaColumns<false>{c, kLanes});
  if (c < s) columns(DeltaColumns<true>{c, s - c});
  for (int r = 0; r < 2 * kDeltaRows && kDots; r += kLanes) store(dots + r, sums_of(sum + r));
}

// Some entries of the ring as kDeltaRows rows of the state need them.
struct DeltaEntries {
  static constexpr int kMost = 8;
  int n = 0;
  const float *key[kMost], *decay[kMost], *error[kMost];

  // Takes up to kMost of the entries that are left.
  GANNET_INLINE void take(const DeltaHead& head, int64_t row, RingWalk<const float>& walk, int64_t& left) {
    for (n = 0; n < kMost && left > 0; ++n, --left, walk.next()) {
      key[n] = walk.entry() + head.key_at;
      decay[n] = walk.entry() + head.decay_at;
      error[n] = walk.entry() + head.error_at + row;
    }
  }
  template <class Columns>
  GANNET_INLINE void apply(Columns c, VF* state) const {
    for (int p = 0; p < n; ++p) {
      const VF kc = c.of(key[p]), d = splat(*decay[p]);
      for (int r = 0; r < kDeltaRows; ++r) state[r] = fma(splat(error[p][r]), kc, d * state[r]);
    }
  }
};

// The tokens of a segment from `first` on over the state rows [row, row + kDeltaRows). `from` holds these
// rows as they are before that token, the ring's entries pending when `pending` says so. `tile` is room for
// kDeltaRows rows.
GANNET_INLINE void delta_rows(const DeltaHead& head, const DeltaTokens& in, int64_t row, int64_t first,
                              const float* from, bool pending, float* tile, float out_scale) {
  const int64_t s = head.s, n = head.segment.n_rows;
  float* next_base = head.next_base == nullptr ? nullptr : head.next_base + row * s;
  RingWalk<float> left = head.left;
  VF e[kDeltaRows];  // of the token before
  for (int r = 0; r < kDeltaRows; ++r) e[r] = splat(0);
  const float* k = nullptr;
  float decay = 0;
  DeltaEntries entries;
  const auto ring = [&](auto c, VF* state) GANNET_LAMBDA { entries.apply(c, state); };
  pending = pending && head.n_pending > 0;
  if (pending) {
    RingWalk<const float> walk = head.pending;
    int64_t more = head.n_pending;
    entries.take(head, row, walk, more);
    for (; more > 0; from = tile, entries.take(head, row, walk, more))
      delta_pass<false>(from, tile, nullptr, nullptr, s, nullptr, ring);
  }
  const auto token = [&](auto c, VF* state) GANNET_LAMBDA {
    const VF kc = c.of(k), d = splat(decay);
    for (int r = 0; r < kDeltaRows; ++r) state[r] = fma(e[r], kc, d * state[r]);
  };
  const auto nothing = [](auto, VF*) GANNET_LAMBDA {};
  for (int64_t t = first; t < n; ++t) {
    const bool changed = pending || k != nullptr, read_again = t + 1 < n || head.base_after == n;
    float* to = head.base_after == t ? next_base : changed && read_again ? tile : nullptr;
    const float *q = in.q + t * in.qk_step, *next_k = in.k + t * in.qk_step;
    alignas(64) float dots[2 * kDeltaRows];
    if (pending)
      delta_pass<true>(from, to, q, next_k, s, dots, ring);
    else if (k != nullptr)
      delta_pass<true>(from, to, q, next_k, s, dots, token);
    else
      delta_pass<true>(from, to, q, next_k, s, dots, nothing);
    pending = false;
    if (to != nullptr) from = to;
    const TokenGates gates = in.gates[t * in.gates_step];
    const float *v = in.v + t * in.v_step + row, kq = in.kq[t * in.kq_step];
    float* o = in.o + t * in.o_step + row;
    float* error = t < head.rows_in_base ? nullptr : left.entry() + head.error_at + row;
    if (error != nullptr) left.next();
    for (int r = 0; r < kDeltaRows; ++r) {
      const float value = gates.beta * (v[r] - gates.decay * dots[r]);
      o[r] = (gates.decay * dots[kDeltaRows + r] + value * kq) * out_scale;
      if (error != nullptr) error[r] = value;
      e[r] = splat(value);
    }
    k = next_k;
    decay = gates.decay;
  }
  if (head.base_after != n) return;
  if (k != nullptr)
    delta_pass<false>(from, next_base, nullptr, nullptr, s, nullptr, token);
  else if (from != next_base)
    delta_pass<false>(from, next_base, nullptr, nullptr, s, nullptr, nothing);
}

}  // namespace gannet::GANNET_ISA_NS
