// The two things that a decoder (decode_*.h) is used for: products of weight rows with few activation rows,
// and panels of decoded weights for many.
#pragma once

#include "backend/cpu/dot.h"
#include "backend/cpu/fetch.h"
#include "backend/cpu/linear/linear.h"
#include "backend/cpu/linear/pack.h"
#include "backend/cpu/linear/units.h"
#include "backend/cpu/linear/unroll.h"

namespace gannet::GANNET_ISA_NS {

template <class D, int R, int T>
GANNET_INLINE void add_unit(const uint8_t* const* unit, const ActRow* x, int64_t u, Acc (&acc)[R][T],
                            Scales<D::kGroup> (&off)[R][T]) {
  using S = Scales<D::kGroup>;
  S d[T], sums[T], s[R][T];
  GANNET_UNROLL
  for (int t = 0; t < T; ++t) {
    const Scales<32> d8 = load_scales32(x[t].d + 8 * u);
    if constexpr (D::kGroup == 32)
      d[t] = d8;
    else
      d[t] = doubled(d8);
    if constexpr (D::kOffsets) sums[t] = scaled_sums(x[t].sums + 16 * u, d[t]);
  }
  GANNET_UNROLL
  for (int r = 0; r < R; ++r) {
    S scale, offset;
    D::scales(unit[r], scale, offset);
    GANNET_UNROLL
    for (int t = 0; t < T; ++t) {
      s[r][t] = mul(scale, d[t]);
      if constexpr (D::kOffsets) off[r][t] = fma(offset, sums[t], off[r][t]);
    }
  }
  GANNET_UNROLL
  for (int step = 0; step < kUnit / kStep; ++step) {
    Bytes a[T];
    Ints begin[T];
    GANNET_UNROLL
    for (int t = 0; t < T; ++t) {
      a[t] = load_bytes(x[t].q + kUnit * u + kStep * step);
      begin[t] = start<D::kBias>(a[t]);
    }
    GANNET_UNROLL
    for (int r = 0; r < R; ++r) {
      const Bytes codes = D::codes(unit[r], step);
      GANNET_UNROLL
      for (int t = 0; t < T; ++t)
        acc[r][t] = add_scaled(acc[r][t], dot<D::kSigned>(begin[t], codes, a[t]), s[r][t], step);
    }
  }
}

inline constexpr int64_t kFetchAhead = 4096;

// The group of rows that is fetched while the one at `row` is multiplied: in the matrix, then where the
// caller goes on.
template <int R, bool kFar>
GANNET_INLINE const uint8_t* group_to_fetch(const LinearArgs& args, int64_t row) {
  // Short rows are over before their successors have come all the way from memory: some groups further then.
  const int64_t bytes = R * args.row_bytes;
  const int64_t groups = bytes >= kFetchAhead ? 1 : (kFetchAhead + bytes - 1) / bytes;
  const int64_t ahead = row + (kFar ? groups + 1 : groups) * R;
  if (args.next == nullptr || ahead < args.n_rows) return args.w + ahead * args.row_bytes;
  return args.next + (ahead - args.n_rows) * args.row_bytes;
}

// R rows from `row` on (the last one again where the matrix ends) times T activation rows.
template <class D, int R, int T, bool kFar>
void rows_tile(const LinearArgs& args, int64_t row, const ActRow* x, float* const* y) {
  const int64_t n_units = (args.n_in + kUnit - 1) / kUnit;
  const int64_t n = args.n_rows - row < R ? args.n_rows - row : R;
  const uint8_t* at[R];
  for (int r = 0; r < R; ++r) at[r] = args.w + (row + (r < n ? r : n - 1)) * args.row_bytes;
  UnitReader<D> reader[R];
  Acc acc[R][T];
  Scales<D::kGroup> off[R][T];
  for (int r = 0; r < R; ++r)
    for (int t = 0; t < T; ++t) {
      acc[r][t] = zero_acc();
      set_zero(off[r][t]);
    }
  const int64_t n_whole = args.n_in / kUnit;
  const uint8_t* fetch = group_to_fetch<R, kFar>(args, row);
  for (int64_t u = 0; u < n_whole; ++u) {
    const uint8_t* unit[R];
    for (int r = 0; r < R; ++r) unit[r] = reader[r].open(at[r], u, args.n_in);
    prefetch_piece<R * D::kUnitBytes, kFar>(fetch, u);
    add_unit<D, R, T>(unit, x, u, acc, off);
  }
  if (n_whole < n_units) {
    const uint8_t* unit[R];
    for (int r = 0; r < R; ++r) unit[r] = reader[r].open(at[r], n_whole, args.n_in);
    add_unit<D, R, T>(unit, x, n_whole, acc, off);
  }
  for (int t = 0; t < T; ++t) {
    float sums[R];
    Acc total[R];
    for (int r = 0; r < R; ++r) total[r] = D::kOffsets ? merge(acc[r][t], off[r][t]) : acc[r][t];
    if constexpr (R == 4)
      sum_lanes4(total, sums);
    else
      for (int r = 0; r < R; ++r) sums[r] = sum_lanes(total[r]);
    for (int r = 0; r < n; ++r) y[t][args.y_first + row + r] = sums[r];
  }
}

template <class D, int R, int T>
void all_rows(const LinearArgs& args) {
  if constexpr (R * D::kUnitBytes >= kFastPiece) {
    if (!fetches_near) {
      for (int64_t row = 0; row < args.n_rows; row += R) rows_tile<D, R, T, true>(args, row, args.x, args.y);
      return;
    }
  }
  for (int64_t row = 0; row < args.n_rows; row += R) rows_tile<D, R, T, false>(args, row, args.x, args.y);
}

template <class D>
void rows(const LinearArgs& args) {
  constexpr int kOne = kLanes == 8 ? 2 : 4, kTwo = kLanes == 8 ? 1 : 4;  // AVX2 has 16 registers
  if (args.n_tokens == 1)
    all_rows<D, kOne, 1>(args);
  else
    all_rows<D, kTwo, 2>(args);
}

// Defined in panels.cpp.
void block_panels(const LinearKernel& kernel, const LinearArgs& args);

template <class D>
constexpr LinearKernel linear_kernel(DType type) {
  return {.type = type,
          .rounds = true,
          .group = D::kGroup,
          .bias = D::kBias,
          .offsets = D::kOffsets,
          .is_signed = D::kSigned,
          .most_code = D::kMostCode,
          .row_tokens = 2,
          .rows = rows<D>,
          .panels = block_panels,
          .pack = pack<D>};
}

}  // namespace gannet::GANNET_ISA_NS
