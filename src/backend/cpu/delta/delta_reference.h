// The law of the delta rule for one value head in one segment, shared by the reference kernels of the ops
// that contain it.
#pragma once

#include <cmath>

#include "backend/api/state_view.h"

namespace gannet {

struct DeltaReferenceHead {
  int64_t head, heads, key_head, key_heads, s;

  DeltaReferenceHead(bool tiled, int64_t head_, int64_t heads_, int64_t key_heads_, int64_t s_)
      : head(head_),
        heads(heads_),
        key_head(tiled ? head % key_heads_ : head / (heads / key_heads_)),
        key_heads(key_heads_),
        s(s_),
        leaves_key(tiled ? head < key_heads : head % (heads / key_heads) == 0) {}
  bool leaves_key;  // of the value heads of a key head, one leaves its keys in the ring
};

struct DeltaReferenceToken {
  double decay, beta;
  const double *q, *k;  // normalised
  const double* v;
  double* o;
};

// The state P [value j, key i] of a head through a segment: the ring's entries, then the rows. token(t) gives
// the inputs of row t, done(t) is called when its o is there. Sums in double; an entry is kept in F32, and so
// is the state after each token, so that the same comes out wherever a base was stored. `p` is room for S * S
// floats.
template <class Token, class Done>
void delta_reference(const RecurrentView& state, const StepSegment& segment, const DeltaReferenceHead& h,
                     float* p, Token token, Done done) {
  const int64_t s = h.s, head = h.head;
  const int64_t key_at = h.heads + h.key_head * s, error_at = h.heads + (h.key_heads + head) * s;
  const auto apply = [&](double decay, auto key, auto error) {
    for (int64_t j = 0; j < s; ++j)
      for (int64_t i = 0; i < s; ++i)
        p[j * s + i] = static_cast<float>(decay * p[j * s + i] +
                                          static_cast<double>(error(j)) * static_cast<double>(key(i)));
  };
  const auto store = [&](int64_t rows) {
    if (rows != segment.base_after()) return;
    for (int64_t i = 0; i < s * s; ++i) state.next_base(segment)[head * s * s + i] = p[i];
  };
  for (int64_t i = 0; i < s * s; ++i) p[i] = state.base(segment)[head * s * s + i];
  for (int64_t at = segment.base_at; at < segment.n_past; ++at) {
    const float* entry = state.entries(segment, at).entry();
    apply(
        entry[head], [&](int64_t i) { return entry[key_at + i]; },
        [&](int64_t j) { return entry[error_at + j]; });
  }
  store(0);
  for (int64_t t = 0; t < segment.n_rows; ++t) {
    const DeltaReferenceToken in = token(t);
    const double decay = static_cast<float>(in.decay);
    const auto error = [&](int64_t j) {
      double seen = 0;
      for (int64_t i = 0; i < s; ++i) seen += decay * p[j * s + i] * in.k[i];
      return static_cast<float>(in.beta * (in.v[j] - seen));
    };
    const auto key = [&](int64_t i) { return static_cast<float>(in.k[i]); };
    for (int64_t j = 0; j < s; ++j) in.o[j] = error(j);
    if (t >= segment.rows_in_base()) {
      float* entry = state.next_entries(segment, segment.n_past + t).entry();
      entry[head] = static_cast<float>(in.decay);
      for (int64_t i = 0; i < s && h.leaves_key; ++i) entry[key_at + i] = key(i);
      for (int64_t j = 0; j < s; ++j) entry[error_at + j] = static_cast<float>(in.o[j]);
    }
    apply(decay, key, [&](int64_t j) { return in.o[j]; });
    for (int64_t j = 0; j < s; ++j) {
      double out = 0;
      for (int64_t i = 0; i < s; ++i) out += static_cast<double>(p[j * s + i]) * in.q[i];
      in.o[j] = out / std::sqrt(static_cast<double>(s));
    }
    done(t);
    store(t + 1);
  }
}

}  // namespace gannet
