// The two things that a decoder (decode_*.h) is used for: products of weight rows with activation rows, one
// by one, and panels of decoded weights for many.
//
// Products of rows: a unit of kRows weight rows is decoded once and multiplied with up to kBlock activation
// rows. Lanes are groups of 16: each group's products are summed as integers, scaled and added to the float
// sum of its lane, unit after unit; the lanes are added last. That order is the same for every number of
// weight and activation rows, so a result does not depend on what is computed beside it.
#pragma once

#include "backend/cpu/dot.h"
#include "backend/cpu/fetch.h"
#include "backend/cpu/linear/linear.h"
#include "backend/cpu/linear/pack.h"
#include "backend/cpu/linear/units.h"
#include "backend/cpu/linear/unroll.h"

namespace gannet::GANNET_ISA_NS {

// A unit of one weight row, rearranged as activations lie.
struct UnitWeights {
  Bytes codes[kPieces][4];
  Scales<16> scales, offsets;
};

template <class D>
concept DecodesUnits = requires(const uint8_t* unit, Bytes (&codes)[kPieces][4]) {
  D::unit(unit, codes);
};

GANNET_INLINE Scales<16> per_group(Scales<16> s) {
  return s;
}
GANNET_INLINE Scales<16> per_group(Scales<32> s) {
  return doubled(s);
}

template <class D>
GANNET_INLINE void decode_unit(const uint8_t* unit, UnitWeights& w) {
  if constexpr (DecodesUnits<D>) {
    D::unit(unit, w.codes);
  } else {
    Bytes codes[kUnit / kStep];
    GANNET_UNROLL
    for (int step = 0; step < kUnit / kStep; ++step) codes[step] = D::codes(unit, step);
    words_outermost(codes, w.codes);
  }
  Scales<D::kGroup> scales, offsets;
  D::scales(unit, scales, offsets);
  w.scales = per_group(scales);
  if constexpr (D::kOffsets) w.offsets = per_group(offsets);
}

// Adds the products of unit u of R weight rows with one activation row.
template <class D, int R>
GANNET_INLINE void add_unit(const UnitWeights* w, const ActRow& x, int64_t u, Acc* acc) {
  const Scales<16> d = doubled(load_scales32(x.d + kUnit / 32 * u));
  const int16_t* sums = x.sums + kUnit / 16 * u;
  GANNET_UNROLL
  for (int piece = 0; piece < kPieces; ++piece) {
    Bytes a[4];
    GANNET_UNROLL
    for (int word = 0; word < 4; ++word) a[word] = load_bytes(x.q + kUnit * u + 64 * word + kStep * piece);
    const Ints begin = start<D::kBias>(sums, piece);
    GANNET_UNROLL
    for (int r = 0; r < R; ++r)
      acc[r] = add_scaled(acc[r], dot_words<D::kSigned, D::kMostCode>(begin, w[r].codes[piece], a),
                          mul(w[r].scales, d), piece);
  }
  if constexpr (D::kOffsets) {
    const Scales<16> scaled = scaled_sums(sums, d);
    GANNET_UNROLL
    for (int r = 0; r < R; ++r) acc[r] = add_products(acc[r], w[r].offsets, scaled);
  }
}

inline constexpr int kRows = 4;
// With AVX2's 16 registers, for a single activation row, a row is multiplied before the next is decoded.
inline constexpr bool kByRow = kLanes == 8;
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

inline constexpr int kBlock = 32;  // activation rows that a decoded unit is multiplied with

// kRows rows from `row` on (the last one again where the matrix ends) times n_tokens activation rows: T, or
// any number up to kBlock when T is 0.
template <class D, int T, bool kFar>
void rows_tile(const LinearArgs& args, int64_t row, const ActRow* x, int n_tokens, float* const* y) {
  constexpr int R = kRows;
  const int n_tok = T > 0 ? T : n_tokens;
  const int64_t n_units = (args.n_in + kUnit - 1) / kUnit;
  const int64_t n = args.n_rows - row < R ? args.n_rows - row : R;
  const uint8_t* at[R];
  for (int r = 0; r < R; ++r) at[r] = args.w + (row + (r < n ? r : n - 1)) * args.row_bytes;
  UnitReader<D> reader[R];
  Acc acc[T > 0 ? T : kBlock][R];
  for (int t = 0; t < n_tok; ++t)
    for (int r = 0; r < R; ++r) acc[t][r] = zero_acc();
  const uint8_t* fetch = group_to_fetch<R, kFar>(args, row);
  for (int64_t u = 0; u < n_units; ++u) {
    UnitWeights w[R];
    prefetch_piece<R * D::kUnitBytes, kFar>(fetch, u);
    GANNET_UNROLL
    for (int r = 0; r < R; ++r) {
      decode_unit<D>(reader[r].open(at[r], u, args.n_in), w[r]);
      if (kByRow && T == 1) add_unit<D, 1>(&w[r], x[0], u, &acc[0][r]);
    }
    if (kByRow && T == 1) continue;
    for (int t = 0; t < n_tok; ++t) add_unit<D, R>(w, x[t], u, acc[t]);
  }
  for (int t = 0; t < n_tok; ++t) {
    float sums[R];
    sum_lanes4(acc[t], sums);
    for (int r = 0; r < n; ++r) y[t][args.y_first + row + r] = sums[r];
  }
}

template <class D, bool kFar>
void all_rows(const LinearArgs& args) {
  for (int64_t t = 0; t < args.n_tokens; t += kBlock) {
    const int n = static_cast<int>(args.n_tokens - t < kBlock ? args.n_tokens - t : kBlock);
    if (n == 1)
      for (int64_t row = 0; row < args.n_rows; row += kRows)
        rows_tile<D, 1, kFar>(args, row, args.x + t, 1, args.y + t);
    else
      for (int64_t row = 0; row < args.n_rows; row += kRows)
        rows_tile<D, 0, kFar>(args, row, args.x + t, n, args.y + t);
  }
}

template <class D>
void rows(const LinearArgs& args) {
  if constexpr (kRows * D::kUnitBytes >= kFastPiece)
    if (!fetches_near) return all_rows<D, true>(args);
  all_rows<D, false>(args);
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
          .row_tokens = 16,
          .rows = rows<D>,
          .panels = block_panels,
          .pack = pack<D>};
}

}  // namespace gannet::GANNET_ISA_NS
