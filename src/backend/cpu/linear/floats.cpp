// F32, F16 and BF16 weights: products in float32 with the activations as they are.
#include "backend/cpu/dot.h"
#include "backend/cpu/linear/linear.h"
#include "backend/cpu/linear/unroll.h"

namespace gannet::GANNET_ISA_NS {
namespace {

struct WeightF32 {
  using Element = float;
  static GANNET_INLINE Floats load(const float* p) { return load_floats(p); }
};
struct WeightF16 {
  using Element = uint16_t;
  static GANNET_INLINE Floats load(const uint16_t* p) { return load_halves(p); }
};
struct WeightBF16 {
  using Element = uint16_t;
  static GANNET_INLINE Floats load(const uint16_t* p) { return load_bfloats(p); }
};

// n < kLanes elements, then zeros.
template <class W>
GANNET_INLINE Floats load_tail(const typename W::Element* p, int64_t n) {
  typename W::Element buffer[kLanes] = {};
  __builtin_memcpy(buffer, p, static_cast<size_t>(n) * sizeof(*p));
  return W::load(buffer);
}

template <class W>
GANNET_INLINE const typename W::Element* row_at(const LinearArgs& args, int64_t row) {
  return reinterpret_cast<const typename W::Element*>(args.w + (row < args.n_rows ? row : args.n_rows - 1) *
                                                                   args.row_bytes);
}

template <class W, int R, int T>
void rows_tile(const LinearArgs& args, int64_t row, int64_t first) {
  const typename W::Element* w[R];
  for (int r = 0; r < R; ++r) w[r] = row_at<W>(args, row + r);
  const float* x[T];
  for (int t = 0; t < T; ++t) x[t] = args.x[first + t].x;
  Floats acc[R][T];
  for (int r = 0; r < R; ++r)
    for (int t = 0; t < T; ++t) acc[r][t] = zero_floats();
  const int64_t ahead = R * args.row_bytes;
  int64_t k = 0;
  for (; k + kLanes <= args.n_in; k += kLanes) {
    Floats a[T];
    GANNET_UNROLL
    for (int t = 0; t < T; ++t) a[t] = load_floats(x[t] + k);
    GANNET_UNROLL
    for (int r = 0; r < R; ++r) {
      __builtin_prefetch(reinterpret_cast<const uint8_t*>(w[r] + k) + ahead);
      const Floats v = W::load(w[r] + k);
      GANNET_UNROLL
      for (int t = 0; t < T; ++t) acc[r][t] = fma(v, a[t], acc[r][t]);
    }
  }
  if (k < args.n_in) {
    const int64_t left = args.n_in - k;
    for (int t = 0; t < T; ++t) {
      const Floats a = load_some(x[t] + k, static_cast<int>(left));
      for (int r = 0; r < R; ++r) acc[r][t] = fma(load_tail<W>(w[r] + k, left), a, acc[r][t]);
    }
  }
  const int64_t n = args.n_rows - row < R ? args.n_rows - row : R;
  for (int t = 0; t < T; ++t) {
    Acc lanes[R];
    float sums[R];
    for (int r = 0; r < R; ++r) lanes[r] = acc[r][t];
    if constexpr (R == 4)
      sum_lanes4(lanes, sums);
    else
      for (int r = 0; r < R; ++r) sums[r] = sum_lanes(lanes[r]);
    for (int64_t r = 0; r < n; ++r) args.y[first + t][args.y_first + row + r] = sums[r];
  }
}

template <class W, int R, int T>
void all_rows(const LinearArgs& args, int64_t first) {
  for (int64_t row = 0; row < args.n_rows; row += R) rows_tile<W, R, T>(args, row, first);
}

template <class W>
void rows(const LinearArgs& args) {
  constexpr int kMany = kLanes == 8 ? 2 : 4;  // AVX2 has 16 registers
  for (int64_t t = 0; t < args.n_tokens; t += 4) switch (args.n_tokens - t) {
      case 1:
        all_rows<W, 4, 1>(args, t);
        break;
      case 2:
        all_rows<W, 4, 2>(args, t);
        break;
      case 3:
        all_rows<W, kMany, 3>(args, t);
        break;
      default:
        all_rows<W, kMany, 4>(args, t);
        break;
    }
}

#if defined(__AVX512F__) || defined(__ARM_NEON)
constexpr int kPanels = 2, kTile = 6;
#else
constexpr int kPanels = 1, kTile = 6;
#endif
constexpr int64_t kSlab = 512;  // elements of a row widened at once

struct Scratch {
  alignas(64) float w[kPanels][kSlab * kLanes];  // [element][row]
};

// n elements of kLanes rows, element by element.
template <class W>
void pack(const LinearArgs& args, int64_t row, int64_t first, int64_t n, float* out) {
  alignas(64) float square[kLanes][kLanes];
  for (int64_t k = 0; k < n; k += kLanes) {
    const int64_t left = n - k;
    for (int r = 0; r < kLanes; ++r) {
      const typename W::Element* at = row_at<W>(args, row + r) + first + k;
      store_floats(square[r], left >= kLanes ? W::load(at) : load_tail<W>(at, left));
    }
    transpose_words(reinterpret_cast<const uint32_t*>(square), kLanes,
                    reinterpret_cast<uint32_t*>(out) + k * kLanes, kLanes, kLanes);
  }
}

template <int kP, int kT>
void tile(const Scratch& s, const LinearArgs& args, int64_t t0, int64_t row, int n, int64_t first,
          int64_t count) {
  Floats acc[kP][kT];
  const float* x[kT];
  for (int t = 0; t < kT; ++t) {
    x[t] = args.x[t0 + t].x + first;
    for (int p = 0; p < kP; ++p) {
      const float* at = args.y[t0 + t] + args.y_first + row + p * kLanes;
      acc[p][t] = first == 0 ? zero_floats() : p + 1 < kP ? load_floats(at) : load_some(at, n);
    }
  }
  for (int64_t k = 0; k < count; ++k) {
    Floats w[kP];
    GANNET_UNROLL
    for (int p = 0; p < kP; ++p) w[p] = load_floats(s.w[p] + k * kLanes);
    GANNET_UNROLL
    for (int t = 0; t < kT; ++t) {
      const Floats a = splat_float(x[t][k]);
      GANNET_UNROLL
      for (int p = 0; p < kP; ++p) acc[p][t] = fma(w[p], a, acc[p][t]);
    }
  }
  for (int p = 0; p < kP; ++p)
    for (int t = 0; t < kT; ++t) {
      float* at = args.y[t0 + t] + args.y_first + row + p * kLanes;
      if (p + 1 < kP || n == kLanes)
        store_floats(at, acc[p][t]);
      else
        store_some(at, acc[p][t], n);
    }
}

template <int kP>
void tiles(const Scratch& s, const LinearArgs& args, int64_t row, int n, int64_t first, int64_t count) {
  for (int64_t t = 0; t < args.n_tokens;) {
    const int64_t left = args.n_tokens - t;
    const int64_t now = left >= 2 * kTile || left <= kTile ? (left < kTile ? left : kTile) : (left + 1) / 2;
    switch (now) {
      case 1:
        tile<kP, 1>(s, args, t, row, n, first, count);
        break;
      case 2:
        tile<kP, 2>(s, args, t, row, n, first, count);
        break;
      case 3:
        tile<kP, 3>(s, args, t, row, n, first, count);
        break;
      case 4:
        tile<kP, 4>(s, args, t, row, n, first, count);
        break;
      case 5:
        tile<kP, 5>(s, args, t, row, n, first, count);
        break;
      default:
        tile<kP, 6>(s, args, t, row, n, first, count);
        break;
    }
    t += now;
  }
}

template <class W>
void panels(const LinearKernel&, const LinearArgs& args) {
  auto& s = *reinterpret_cast<Scratch*>(args.scratch);
  for (int64_t row = 0; row < args.n_rows; row += kPanels * kLanes) {
    const int64_t left = args.n_rows - row;
    const int n_panels = left > kLanes ? kPanels : 1;
    const int64_t tail = left - (n_panels - 1) * kLanes;
    const int n = static_cast<int>(tail < kLanes ? tail : kLanes);
    for (int64_t first = 0; first < args.n_in; first += kSlab) {
      const int64_t count = args.n_in - first < kSlab ? args.n_in - first : kSlab;
      for (int p = 0; p < n_panels; ++p) pack<W>(args, row + p * kLanes, first, count, s.w[p]);
      if (n_panels == 1)
        tiles<1>(s, args, row, n, first, count);
      else
        tiles<kPanels>(s, args, row, n, first, count);
    }
  }
}

template <class W>
constexpr LinearKernel float_kernel(DType type) {
  return {.type = type,
          .rounds = false,
          .group = 0,
          .bias = 0,
          .offsets = false,
          .is_signed = false,
          .most_code = 0,
          .row_tokens = 4,
          .rows = rows<W>,
          .panels = panels<W>,
          .pack = nullptr};
}

}  // namespace

extern const LinearKernel kLinearFloat[];
const LinearKernel kLinearFloat[] = {float_kernel<WeightF32>(DType::kF32),
                                     float_kernel<WeightF16>(DType::kF16),
                                     float_kernel<WeightBF16>(DType::kBF16),
                                     {}};

int64_t float_scratch_bytes();
int64_t float_scratch_bytes() {
  return static_cast<int64_t>(sizeof(Scratch));
}

}  // namespace gannet::GANNET_ISA_NS
