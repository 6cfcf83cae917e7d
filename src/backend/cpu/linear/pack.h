// Panels of decoded weights: the codes of kLanes rows as [element / 4][row][element % 4], scales and offsets
// as [group][row].
//
// Decoders whose codes are nibbles or bytes have panel(), which gathers words of all rows first and unpacks
// them together; it takes kLanes rows that are there. Otherwise, and where the matrix ends, every row is
// decoded by itself and its words are moved.
#pragma once

#include "backend/cpu/dot.h"
#include "backend/cpu/linear/linear.h"
#include "backend/cpu/linear/units.h"
#include "backend/cpu/linear/unroll.h"

namespace gannet::GANNET_ISA_NS {

template <class D>
concept PacksPanels = requires(const uint8_t* unit, uint8_t* codes) {
  D::panel(unit, int64_t{}, codes);
};

// Scales are the half floats that blocks of 32 begin with, and there is nothing else to them.
template <class D>
concept HalfScales = requires {
  requires D::kHalfScales;
};

// kLanes rows of one unit, row by row.
template <class D>
GANNET_INLINE void pack_codes(const uint8_t* const* unit, uint8_t* codes) {
  alignas(64) uint8_t flat[kLanes][kUnit];
  for (int r = 0; r < kLanes; ++r) {
    GANNET_UNROLL
    for (int step = 0; step < kUnit / kStep; ++step)
      store_bytes(flat[r] + step * kStep, D::codes(unit[r], step));
  }
  const auto* words = reinterpret_cast<const uint32_t*>(flat);
  auto* out = reinterpret_cast<uint32_t*>(codes);
  for (int c = 0; c < kUnit / 4; c += kLanes)
    transpose_words(words + c, kUnit / 4, out + c * kLanes, kLanes, kLanes);
}

template <class D>
GANNET_INLINE void pack_scales(const uint8_t* const* unit, float* scales, float* offsets) {
  constexpr int kGroups = kUnit / D::kGroup;
  alignas(64) float flat_scales[kLanes][16], flat_offsets[kLanes][16];
  for (int r = 0; r < kLanes; ++r) {
    Scales<D::kGroup> s, o;
    D::scales(unit[r], s, o);
    store_scales(flat_scales[r], s);
    if constexpr (D::kOffsets) store_scales(flat_offsets[r], o);
  }
  const auto transpose_groups = [&](const float* in, float* to) __attribute__((always_inline)) {
    for (int c = 0; c < kGroups; c += kLanes)
      transpose_words(reinterpret_cast<const uint32_t*>(in) + c, 16,
                      reinterpret_cast<uint32_t*>(to) + c * kLanes, kLanes, kGroups - c);
  };
  transpose_groups(flat_scales[0], scales);
  if constexpr (D::kOffsets) transpose_groups(flat_offsets[0], offsets);
}

// Units [first, first + n) of up to kLanes rows.
template <class D>
void pack(const LinearArgs& args, int64_t row, int64_t first, int64_t n, uint8_t* codes, float* scales,
          float* offsets) {
  constexpr int64_t kGroups = kUnit / D::kGroup;
  const uint8_t* at[kLanes];
  for (int r = 0; r < kLanes; ++r)
    at[r] = args.w + (row + r < args.n_rows ? row + r : args.n_rows - 1) * args.row_bytes;
  const bool all_rows = row + kLanes <= args.n_rows;
  UnitReader<D> reader[kLanes];
  for (int64_t u = first; u < first + n; ++u) {
    constexpr int64_t kPiece = kLanes * D::kUnitBytes;
    prefetch_piece<kPiece, kPiece >= kFastPiece>(at[0] + kLanes * args.row_bytes,
                                                 u);  // the panel after this one
    const uint8_t* unit[kLanes];
    for (int r = 0; r < kLanes; ++r) unit[r] = reader[r].open(at[r], u, args.n_in);
    bool packed = false;
    if constexpr (PacksPanels<D>)
      if (all_rows && (u + 1) * kUnit <= args.n_in) {
        packed = true;
        D::panel(unit[0], args.row_bytes, codes);
        if constexpr (HalfScales<D>)
          for (int64_t g = 0; g < kGroups; ++g)
            for (int64_t r = 0; r < kLanes; r += 8)
              store_scales(scales + g * kLanes + r,
                           gather_halves(unit[r] + g * D::kBlockBytes, args.row_bytes));
        else
          pack_scales<D>(unit, scales, offsets);
      }
    if (!packed) {
      pack_codes<D>(unit, codes);
      pack_scales<D>(unit, scales, offsets);
    }
    codes += kUnit * kLanes;
    scales += kGroups * kLanes;
    if constexpr (D::kOffsets) offsets += kGroups * kLanes;
  }
}

}  // namespace gannet::GANNET_ISA_NS
