// The causal convolution of Gated DeltaNet over some of its channels: weighted sums over time, SiLU, and the
// window of past inputs, whose ring holds the inputs of later tokens. Only for kernel files.
#pragma once

#include "backend/api/state_view.h"
#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {

inline constexpr int64_t kConvChannels =
    512;  // at a time: their taps, transposed, stay in the first-level cache
inline constexpr int64_t kMaxTaps = 16;

// silu of the weighted sum of `taps` rows, kTaps > 0 when known at compile time.
template <int kTaps>
GANNET_INLINE void convolve(const float* const* rows, const float* w, float* y, int64_t n, int64_t n_taps) {
  const int64_t taps = kTaps > 0 ? kTaps : n_taps;
  int64_t c = 0;
  for (; c + kLanes <= n; c += kLanes) {
    VF sum = load(rows[0] + c) * load(w + c);
    for (int64_t i = 1; i < taps; ++i) sum = fma(load(rows[i] + c), load(w + i * kConvChannels + c), sum);
    store(y + c, silu(sum));
  }
  if (c < n) {
    VF sum = load_part(rows[0] + c, n - c) * load_part(w + c, n - c);
    for (int64_t i = 1; i < taps; ++i)
      sum = fma(load_part(rows[i] + c, n - c), load_part(w + i * kConvChannels + c, n - c), sum);
    store_part(y + c, silu(sum), n - c);
  }
}

template <int kTaps>
GANNET_INLINE void transpose_taps(const float* w, float* out, int64_t n, int64_t n_taps) {
  const int64_t taps = kTaps > 0 ? kTaps : n_taps;
  for (int64_t c = 0; c < n; ++c)
    for (int64_t i = 0; i < taps; ++i) out[i * kConvChannels + c] = w[c * taps + i];
}

// The channels of one segment, from `first` on, whose state lies at `first` as well.
struct ConvSegment {
  const TensorView& x;
  const RecurrentView& state;
  const StepSegment& segment;
  int64_t first, n_channels, past;

  // The inputs of row t of the segment; negative rows lie in the ring and before it in the base.
  GANNET_INLINE const float* input(int64_t t) const {
    if (t >= 0) return x.f32(segment.first_row + t) + first;
    const int64_t after_base = segment.n_past + t - segment.base_at;
    if (after_base >= 0) return state.entries(segment, segment.n_past + t).entry() + first;
    return state.base(segment) + (past + after_base) * n_channels + first;
  }

  // Stores what the segment leaves behind of n channels. What is written may be memory that input() reads.
  GANNET_INLINE void leave(int64_t n) const {
    const auto copy = [&](const float* from, float* to)
                          GANNET_LAMBDA { map_row(from, to, n, [](VF v) GANNET_LAMBDA { return v; }); };
    const int64_t after = segment.base_after(), in_base = segment.rows_in_base();
    // Rises: in place, a row is read before it is overwritten.
    for (int64_t i = 0; i < past && after >= 0; ++i)
      copy(input(after - past + i), state.next_base(segment) + i * n_channels + first);
    RingWalk<float> ring = state.next_entries(segment, segment.n_past + in_base);
    for (int64_t t = in_base; t < segment.n_rows; ++t, ring.next()) copy(input(t), ring.entry() + first);
  }
};

// Channels [first, first + n), n <= kConvChannels, of all rows of x F32[n_tokens, n_channels] that lie in a
// segment, with taps w[n_channels, n_taps <= kMaxTaps]; y + row * y_stride receives the n results of a row.
// The state of these channels moves on: nobody else may need it.
inline void conv_channels(const TensorView& x, const TensorView& w, const RecurrentView& state, int64_t first,
                          int64_t n, float* y, int64_t y_stride) {
  const int64_t taps = w.shape.dim[1], past = taps - 1;
  alignas(64) float turned[kMaxTaps * kConvChannels];  // [tap, channel of the piece]
  if (taps == 4)
    transpose_taps<4>(w.f32(first), turned, n, taps);
  else
    transpose_taps<0>(w.f32(first), turned, n, taps);
  for (int64_t g = 0; g < state.step->n_segments; ++g) {
    const StepSegment& segment = state.step->segments[g];
    const ConvSegment part{x, state, segment, first, x.shape.dim[1], past};
    for (int64_t t = 0; t < segment.n_rows; ++t) {
      const float* rows[kMaxTaps];
      for (int64_t i = 0; i < taps; ++i) rows[i] = part.input(t - past + i);
      float* out = y + (segment.first_row + t) * y_stride;
      if (taps == 4)
        convolve<4>(rows, turned, out, n, taps);
      else
        convolve<0>(rows, turned, out, n, taps);
    }
    part.leave(n);
  }
}

}  // namespace gannet::GANNET_ISA_NS
