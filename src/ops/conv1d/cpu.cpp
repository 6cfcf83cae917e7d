// conv1d: vectors run along the last axis: over time with one broadcast weight per tap, or over channels with
// the taps transposed once per block of channels.
#include "backend/cpu/rows.h"
#include "ops/conv1d/conv1d.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kChannels = 512;  // per piece of work: its taps, transposed, stay in the first-level cache
constexpr int64_t kMaxTaps = 32;
constexpr int64_t kTimes = 128;  // rows of a piece when there are not enough channels for all members

const char* refuses(const OpSite& site) {
  return site.operands[1].shape.dim[1] > kMaxTaps ? "more than 32 taps" : nullptr;
}

// kTaps > 0 when known at compile time.
template <int kTaps>
GANNET_INLINE void along_time(const float* x, const float* w, float* y, int64_t n, int64_t n_taps) {
  const int64_t taps = kTaps > 0 ? kTaps : n_taps;
  int64_t t = 0;
  for (; t + kLanes <= n; t += kLanes) {
    VF sum = load(x + t) * splat(w[0]);
    for (int64_t i = 1; i < taps; ++i) sum = fma(load(x + t + i), splat(w[i]), sum);
    store(y + t, sum);
  }
  if (t == n) return;
  VF sum = load_part(x + t, n - t) * splat(w[0]);
  for (int64_t i = 1; i < taps; ++i) sum = fma(load_part(x + t + i, n - t), splat(w[i]), sum);
  store_part(y + t, sum, n - t);
}

// One row of results for n channels; w is [tap, kChannels].
template <int kTaps>
GANNET_INLINE void across_channels(const std::byte* x, int64_t step, const float* w, float* y, int64_t n,
                                   int64_t n_taps) {
  const int64_t taps = kTaps > 0 ? kTaps : n_taps;
  const auto row = [&](int64_t i) GANNET_LAMBDA { return reinterpret_cast<const float*>(x + i * step); };
  int64_t c = 0;
  for (; c + kLanes <= n; c += kLanes) {
    VF sum = load(row(0) + c) * load(w + c);
    for (int64_t i = 1; i < taps; ++i) sum = fma(load(row(i) + c), load(w + i * kChannels + c), sum);
    store(y + c, sum);
  }
  if (c == n) return;
  VF sum = load_part(row(0) + c, n - c) * load_part(w + c, n - c);
  for (int64_t i = 1; i < taps; ++i)
    sum = fma(load_part(row(i) + c, n - c), load_part(w + i * kChannels + c, n - c), sum);
  store_part(y + c, sum, n - c);
}

void time_last(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &y = args.results[0];
  const int64_t n = y.shape.dim[1], taps = w.shape.dim[1];
  int64_t c, end;
  share_rows(worker, y.shape.dim[0], n * taps, c, end);
  for (; c < end; ++c) {
    if (taps == 4)
      along_time<4>(x.f32(c), w.f32(c), y.f32(c), n, taps);
    else
      along_time<0>(x.f32(c), w.f32(c), y.f32(c), n, taps);
  }
}

void time_first(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &y = args.results[0];
  const int64_t n_times = y.shape.dim[0], n_channels = y.shape.dim[1], taps = w.shape.dim[1];
  alignas(64) float turned[kMaxTaps * kChannels];
  int64_t turned_for = -1;
  const int64_t blocks = (n_channels + kChannels - 1) / kChannels;
  const int64_t times = blocks >= 2 * worker.count() ? n_times : kTimes;
  const int64_t pieces = (n_times + times - 1) / times;
  int64_t begin, end;
  while (worker.claim(blocks * pieces, 1, begin, end)) {
    const int64_t first = begin / pieces * kChannels, t_begin = begin % pieces * times;
    const int64_t n = n_channels - first < kChannels ? n_channels - first : kChannels;
    const int64_t t_end = n_times - t_begin < times ? n_times : t_begin + times;
    if (turned_for != first) {
      for (int64_t c = 0; c < n; ++c)
        for (int64_t i = 0; i < taps; ++i) turned[i * kChannels + c] = w.f32(first + c)[i];
      turned_for = first;
    }
    for (int64_t t = t_begin; t < t_end; ++t) {
      const std::byte* at = x.data + t * x.stride[0] + first * int64_t{sizeof(float)};
      if (taps == 4)
        across_channels<4>(at, x.stride[0], turned, y.f32(t) + first, n, taps);
      else
        across_channels<0>(at, x.stride[0], turned, y.f32(t) + first, n, taps);
    }
  }
}

void run(const KernelArgs& args, Worker& worker) {
  args.as<Conv1dAttrs>().time == Conv1dTime::kLast ? time_last(args, worker) : time_first(args, worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(conv1d, {"conv1d", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, GANNET_ISA_NS::refuses, nullptr,
                        GANNET_ISA_NS::run})
