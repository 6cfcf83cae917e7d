// First phase of attention: K and V of this step into the cache, the queries to where the kernel wants them.
// With HeadMaking the heads of q and k are normed and rotated on the way, each once, so that nothing has to
// wait between the two. Internal to backend/cpu/attention.
#pragma once

#include "backend/cpu/attention/pieces.h"
#include "backend/cpu/kv/kv_vectors.h"

namespace gannet::GANNET_ISA_NS {

// Per member, while heads are made: a frequency per pair in double, cosines and sines of one token, a head
// after its norm and after its rotation.
GANNET_INLINE int64_t making_bytes(int64_t n_rot, int64_t d) {
  return n_rot == 0 ? 0 : round_up(n_rot / 2 * 16 + 2 * d * 4, 64);
}

class HeadMaker {
 public:
  GANNET_INLINE HeadMaker(const HeadMaking& making, std::byte* memory, int64_t d)
      : m_(making),
        half_(making.rotation.n_rot / 2),
        d_(d),
        frequency_(reinterpret_cast<double*>(memory)),
        cosine_(reinterpret_cast<float*>(frequency_ + half_)),
        sine_(cosine_ + half_),
        normed_(sine_ + half_) {
    frequencies(m_.rotation, frequency_);
  }
  // Room for a finished head.
  GANNET_INLINE float* spare() const { return normed_ + d_; }

  GANNET_INLINE void set_token(int64_t t) {
    if (t == token_) return;
    token_ = t;
    cosines_and_sines(m_.positions[t], frequency_, m_.rotation.magnitude, cosine_, sine_, half_);
  }
  GANNET_INLINE void make(const float* x, const float* norm, float* y) const {
    const float mean = sum_of_squares(x, d_) / static_cast<float>(d_);
    const VF scale = splat(1.0f / __builtin_sqrtf(mean + m_.eps));
    map_row(x, norm, normed_, d_, [&](VF v, VF weight) GANNET_LAMBDA { return v * scale * weight; });
    rotate_head(normed_, cosine_, sine_, m_.rotation.n_rot, y, d_);
  }

 private:
  const HeadMaking& m_;
  int64_t half_, d_, token_ = -1;
  double* frequency_;
  float *cosine_, *sine_, *normed_;
};

// Follow with a barrier. The query heads are put together where `place_q(segment, t, h)` says, t being the
// row in its segment, and put_q(segment, t, from, to) finishes them there.
template <class Place, class Put>
GANNET_INLINE void make_heads(const AttentionUse& use, std::byte* memory, const Worker& worker, Place place_q,
                              Put put_q) {
  const KvView& kv = *use.kv;
  const HeadMaking& making = *use.making;
  const int64_t n_heads = use.q->shape.dim[1], d = use.q->shape.dim[2], per_token = n_heads + kv.n_kv_heads;
  check_kv_types(kv);
  int64_t begin, end;
  worker.share(kv.step->n_rows() * per_token, 1, begin, end);
  if (begin == end) return;
  HeadMaker maker(making, memory, d);
  SegmentWalk walk(*kv.step);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = i / per_token, h = i % per_token, kv_head = h - n_heads;
    const StepSegment& segment = walk.of(row);
    const int64_t t = row - segment.first_row, position = segment.n_past + t;
    maker.set_token(row);
    if (h < n_heads) {
      float* q = place_q(segment, t, h);
      maker.make(use.q->f32(row, h), making.q_norm, q);
      put_q(segment, t, q, q);
      continue;
    }
    maker.make(use.k->f32(row, kv_head), making.k_norm, maker.spare());
    store_kv_vectors(kv.k_type, maker.spare(), kv_row(kv, segment, kv.k_offset, kv.k_type, kv_head, position),
                     d);
    store_kv_vectors(kv.v_type, use.v->f32(row, kv_head),
                     kv_row(kv, segment, kv.v_offset, kv.v_type, kv_head, position), d);
  }
}

// y = o * scale, times sigmoid(gate) when there is one.
GANNET_INLINE void write_row(const float* o, float scale, const TensorView* gate, int64_t t, int64_t h,
                             float* y, int64_t d) {
  const VF factor = splat(scale);
  if (gate == nullptr)
    map_row(o, y, d, [&](VF x) GANNET_LAMBDA { return x * factor; });
  else
    map_row(o, gate->f32(t, h), y, d, [&](VF x, VF g) GANNET_LAMBDA { return x * factor * sigmoid(g); });
}

}  // namespace gannet::GANNET_ISA_NS
