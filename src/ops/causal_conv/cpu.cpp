#include "backend/api/state_view.h"
#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kChannels = 512;  // per piece of work: its taps, transposed, stay in the first-level cache
constexpr int64_t kMaxTaps = 16;

const char* refuses(const OpSite& site) {
  return site.operands[1].shape.dim[1] > kMaxTaps ? "more than 16 taps" : nullptr;
}

// silu of the weighted sum of `taps` rows, kTaps > 0 when known at compile time.
template <int kTaps>
GANNET_INLINE void convolve(const float* const* rows, const float* w, float* y, int64_t n, int64_t n_taps) {
  const int64_t taps = kTaps > 0 ? kTaps : n_taps;
  int64_t c = 0;
  for (; c + kLanes <= n; c += kLanes) {
    VF sum = load(rows[0] + c) * load(w + c);
    for (int64_t i = 1; i < taps; ++i) sum = fma(load(rows[i] + c), load(w + i * kChannels + c), sum);
    store(y + c, silu(sum));
  }
  if (c < n) {
    VF sum = load_part(rows[0] + c, n - c) * load_part(w + c, n - c);
    for (int64_t i = 1; i < taps; ++i)
      sum = fma(load_part(rows[i] + c, n - c), load_part(w + i * kChannels + c, n - c), sum);
    store_part(y + c, silu(sum), n - c);
  }
}

template <int kTaps>
GANNET_INLINE void transpose_taps(const float* w, float* out, int64_t n, int64_t n_taps) {
  const int64_t taps = kTaps > 0 ? kTaps : n_taps;
  for (int64_t c = 0; c < n; ++c)
    for (int64_t i = 0; i < taps; ++i) out[i * kChannels + c] = w[c * taps + i];
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &y = args.results[0];
  const RecurrentView& state = *args.operands[2].as<RecurrentView>();
  const int64_t n_tokens = x.shape.dim[0], n_channels = x.shape.dim[1], taps = w.shape.dim[1],
                past = taps - 1;
  alignas(64) float turned[kMaxTaps * kChannels];  // [tap, channel of the piece]

  int64_t begin, end;
  while (worker.claim(n_channels, kChannels, begin, end)) {
    const int64_t n = end - begin;
    if (taps == 4)
      transpose_taps<4>(w.f32(begin), turned, n, taps);
    else
      transpose_taps<0>(w.f32(begin), turned, n, taps);
    // Input row at time t of this run; negative times lie in the state.
    const auto input = [&](int64_t t) GANNET_LAMBDA {
      return (t >= 0 ? x.f32(t) : state.read + (past + t) * n_channels) + begin;
    };
    for (int64_t t = 0; t < n_tokens; ++t) {
      const float* rows[kMaxTaps];
      for (int64_t i = 0; i < taps; ++i) rows[i] = input(t - past + i);
      if (taps == 4)
        convolve<4>(rows, turned, y.f32(t) + begin, n, taps);
      else
        convolve<0>(rows, turned, y.f32(t) + begin, n, taps);
    }
    // Rises: when read == write, a row is read before it is overwritten.
    for (int64_t i = 0; i < past; ++i)
      map_row(input(n_tokens - past + i), state.write + i * n_channels + begin, n,
              [](VF v) GANNET_LAMBDA { return v; });
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS({"causal_conv", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, GANNET_ISA_NS::refuses, nullptr,
                GANNET_ISA_NS::run})
