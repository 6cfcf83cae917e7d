// The products that bmm is made of, for a block of rows of a and some columns of the result. Each result is
// one chain of multiply-adds over k (or, in dots(), one per lane), so it does not depend on how the work is
// cut. Only for bmm/cpu.cpp.
#pragma once

#include "backend/cpu/dot.h"
#include "backend/cpu/linear/unroll.h"

namespace gannet::GANNET_ISA_NS {

#if defined(__AVX512F__) || defined(__ARM_NEON)
inline constexpr int kTile = 8;  // rows of a at once: 16 of 32 registers are sums
#else
inline constexpr int kTile = 6;  // 12 of 16
#endif
inline constexpr int64_t kPanel = 2 * kLanes;  // columns of a packed panel
inline constexpr int64_t kSlab = 256;          // of the inner length: a panel of so much stays in cache

// Rows of a and of y. `step` is the distance of a's elements in bytes.
struct RowTile {
  const std::byte* a[kTile];
  float* y[kTile];
  int64_t step;
};

GANNET_INLINE const float* float_at(const std::byte* p) {
  return reinterpret_cast<const float*>(p);
}

// y[t][column ..] (+)= a[t][first .. first + count) b for kP vectors of columns; row k of b lies at b + k
// ldb. n < kLanes: that many columns of the last vector count.
template <int kP, int kT, bool kPart>
GANNET_INLINE void columns_tile(const RowTile& rows, int64_t first, int64_t count, const float* b,
                                int64_t ldb, int64_t column, int n) {
  Floats acc[kP][kT];
  const std::byte* a[kT];
  for (int t = 0; t < kT; ++t) {
    a[t] = rows.a[t] + first * rows.step;
    for (int p = 0; p < kP; ++p) {
      const float* at = rows.y[t] + column + p * kLanes;
      acc[p][t] = first == 0 ? zero_floats() : kPart && p + 1 == kP ? load_some(at, n) : load_floats(at);
    }
  }
  for (int64_t k = 0; k < count; ++k) {
    Floats w[kP];
    GANNET_UNROLL
    for (int p = 0; p < kP; ++p) w[p] = load_floats(b + k * ldb + p * kLanes);
    GANNET_UNROLL
    for (int t = 0; t < kT; ++t) {
      const Floats v = splat_float(*float_at(a[t]));
      a[t] += rows.step;
      GANNET_UNROLL
      for (int p = 0; p < kP; ++p) acc[p][t] = fma(w[p], v, acc[p][t]);
    }
  }
  for (int t = 0; t < kT; ++t)
    for (int p = 0; p < kP; ++p) {
      float* at = rows.y[t] + column + p * kLanes;
      if (kPart && p + 1 == kP)
        store_some(at, acc[p][t], n);
      else
        store_floats(at, acc[p][t]);
    }
}

template <int kP, bool kPart>
void columns_rows(const RowTile& rows, int n_rows, int64_t first, int64_t count, const float* b, int64_t ldb,
                  int64_t column, int n) {
  switch (n_rows) {
    case 1:
      return columns_tile<kP, 1, kPart>(rows, first, count, b, ldb, column, n);
    case 2:
      return columns_tile<kP, 2, kPart>(rows, first, count, b, ldb, column, n);
    case 3:
      return columns_tile<kP, 3, kPart>(rows, first, count, b, ldb, column, n);
    case 4:
      return columns_tile<kP, 4, kPart>(rows, first, count, b, ldb, column, n);
    case 5:
      return columns_tile<kP, 5, kPart>(rows, first, count, b, ldb, column, n);
#if defined(__AVX512F__) || defined(__ARM_NEON)
    case 6:
      return columns_tile<kP, 6, kPart>(rows, first, count, b, ldb, column, n);
    case 7:
      return columns_tile<kP, 7, kPart>(rows, first, count, b, ldb, column, n);
#endif
    default:
      return columns_tile<kP, kTile, kPart>(rows, first, count, b, ldb, column, n);
  }
}

// Columns [column, column + n) for a tile of rows from a packed panel.
GANNET_INLINE void packed_columns(const RowTile& rows, int n_rows, int64_t first, int64_t count,
                                  const float* panel, int64_t column, int64_t n) {
  if (n == kPanel)
    columns_rows<2, false>(rows, n_rows, first, count, panel, kPanel, column, kLanes);
  else if (n > kLanes)
    columns_rows<2, true>(rows, n_rows, first, count, panel, kPanel, column, static_cast<int>(n - kLanes));
  else
    columns_rows<1, true>(rows, n_rows, first, count, panel, kPanel, column, static_cast<int>(n));
}

// `count` elements from `first` on of the inner axis of n columns, side by side: panel[k][column]. Where
// fewer than kPanel columns are left, what stands behind them is of no account but is a number.
GANNET_INLINE void pack_rows(const std::byte* b, int64_t row_stride, int64_t n, int64_t first, int64_t count,
                             float* panel) {
  const int64_t distance = row_stride / int64_t{sizeof(float)};
  for (int64_t half = 0; half < kPanel; half += kLanes) {
    if (half >= n) return;
    const std::byte* from = b + half * row_stride + first * int64_t{sizeof(float)};
    const int64_t rows = n - half < kLanes ? n - half : kLanes;
    alignas(64) float square[kLanes * kLanes];
    for (int64_t k = 0; k < count; k += kLanes) {
      const int64_t left = count - k < kLanes ? count - k : kLanes;
      const float* at = float_at(from) + k;
      float* out = panel + k * kPanel + half;
      if (rows == kLanes && left == kLanes) {
        transpose_words(reinterpret_cast<const uint32_t*>(at), distance, reinterpret_cast<uint32_t*>(out),
                        kPanel, kLanes);
        continue;
      }
      for (int64_t r = 0; r < kLanes; ++r)
        store_floats(square + r * kLanes,
                     r < rows ? load_some(at + r * distance, static_cast<int>(left)) : zero_floats());
      transpose_words(reinterpret_cast<const uint32_t*>(square), kLanes, reinterpret_cast<uint32_t*>(out),
                      kPanel, static_cast<int>(left));
    }
  }
}

GANNET_INLINE void pack_columns(const std::byte* b, int64_t row_stride, int64_t n, int64_t first,
                                int64_t count, float* panel) {
  for (int64_t k = 0; k < count; ++k) {
    const float* at = float_at(b + (first + k) * row_stride);
    for (int64_t half = 0; half < n; half += kLanes) {
      const int64_t left = n - half;
      store_floats(panel + k * kPanel + half,
                   left >= kLanes ? load_floats(at + half) : load_some(at + half, static_cast<int>(left)));
    }
  }
}

// For few rows: columns [column, end) straight from b (columns form), which is read once per tile.
template <int kT>
void direct_columns(const RowTile& rows, int64_t length, const std::byte* b, int64_t row_stride,
                    int64_t column, int64_t end) {
  constexpr int kWide = kTile == 8 || kT <= 2 ? 4 : 2;
  const int64_t ldb = row_stride / int64_t{sizeof(float)};
  const float* at = float_at(b);
  for (; column + kWide * kLanes <= end; column += kWide * kLanes)
    columns_tile<kWide, kT, false>(rows, 0, length, at + column, ldb, column, kLanes);
  for (; column + kLanes <= end; column += kLanes)
    columns_tile<1, kT, false>(rows, 0, length, at + column, ldb, column, kLanes);
  if (column == end) return;
  const int n = static_cast<int>(end - column);
  Floats acc[kT];
  for (int t = 0; t < kT; ++t) acc[t] = zero_floats();
  for (int64_t k = 0; k < length; ++k) {
    const Floats w = load_some(at + k * ldb + column, n);
    for (int t = 0; t < kT; ++t) acc[t] = fma(w, splat_float(*float_at(rows.a[t] + k * rows.step)), acc[t]);
  }
  for (int t = 0; t < kT; ++t) store_some(rows.y[t] + column, acc[t], n);
}

// For few rows of contiguous elements: columns [column, end) as dot products with b's rows (rows form).
template <int kT>
void dots(const RowTile& rows, int64_t length, const std::byte* b, int64_t row_stride, int64_t column,
          int64_t end) {
  constexpr int kRows = kTile == 8 || kT <= 2 ? 4 : 2;  // rows of b at once
  const float* a[kT];
  for (int t = 0; t < kT; ++t) a[t] = float_at(rows.a[t]);
  for (; column < end; column += kRows) {
    const float* w[kRows];
    for (int r = 0; r < kRows; ++r)
      w[r] = float_at(b + (column + r < end ? column + r : end - 1) * row_stride);
    Acc acc[kT][4];
    for (int t = 0; t < kT; ++t)
      for (int r = 0; r < 4; ++r) acc[t][r] = zero_floats();
    const auto step = [&](auto load) __attribute__((always_inline)) {
      Floats x[kT];
      GANNET_UNROLL
      for (int t = 0; t < kT; ++t) x[t] = load(a[t]);
      GANNET_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const Floats v = load(w[r]);
        GANNET_UNROLL
        for (int t = 0; t < kT; ++t) acc[t][r] = fma(v, x[t], acc[t][r]);
      }
    };
    int64_t k = 0;
    for (; k + kLanes <= length; k += kLanes)
      step([k](const float* p) __attribute__((always_inline)) { return load_floats(p + k); });
    const int left = static_cast<int>(length - k);
    if (left > 0)
      step([ k, left ](const float* p) __attribute__((always_inline)) { return load_some(p + k, left); });
    const int64_t n = end - column < kRows ? end - column : kRows;
    for (int t = 0; t < kT; ++t) {
      float sums[4];
      sum_lanes4(acc[t], sums);
      for (int64_t r = 0; r < n; ++r) rows.y[t][column + r] = sums[r];
    }
  }
}

}  // namespace gannet::GANNET_ISA_NS
