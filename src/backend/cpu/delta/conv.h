// The causal convolution of Gated DeltaNet over some of its channels: weighted sums over time, SiLU, and the
// window of past inputs. Only for kernel files.
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

// Channels [first, first + n), n <= kConvChannels, of all tokens of x F32[n_tokens, n_channels] with taps
// w[n_channels, n_taps <= kMaxTaps]; y + t * y_stride receives the n results of token t. The window of these
// channels moves on: nobody else may need it.
inline void conv_channels(const TensorView& x, const TensorView& w, const RecurrentView& state, int64_t first,
                          int64_t n, float* y, int64_t y_stride) {
  const int64_t n_tokens = x.shape.dim[0], n_channels = x.shape.dim[1], taps = w.shape.dim[1],
                past = taps - 1;
  alignas(64) float turned[kMaxTaps * kConvChannels];  // [tap, channel of the piece]
  if (taps == 4)
    transpose_taps<4>(w.f32(first), turned, n, taps);
  else
    transpose_taps<0>(w.f32(first), turned, n, taps);
  // Input row at time t of this run; negative times lie in the state.
  const auto input = [&](int64_t t) GANNET_LAMBDA {
    return (t >= 0 ? x.f32(t) : state.read + (past + t) * n_channels) + first;
  };
  for (int64_t t = 0; t < n_tokens; ++t) {
    const float* rows[kMaxTaps];
    for (int64_t i = 0; i < taps; ++i) rows[i] = input(t - past + i);
    if (taps == 4)
      convolve<4>(rows, turned, y + t * y_stride, n, taps);
    else
      convolve<0>(rows, turned, y + t * y_stride, n, taps);
  }
  // Rises: when read == write, a row is read before it is overwritten.
  for (int64_t i = 0; i < past; ++i)
    map_row(input(n_tokens - past + i), state.write + i * n_channels + first, n,
            [](VF v) GANNET_LAMBDA { return v; });
}

}  // namespace gannet::GANNET_ISA_NS
