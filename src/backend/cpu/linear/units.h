// Reading rows unit by unit, and fetching those that come next.
#pragma once

#include <cstdint>

#include "backend/cpu/dot.h"

namespace gannet::GANNET_ISA_NS {

inline constexpr int64_t kUnit = 256;

// Where unit u of a row lies. The last unit of a row that is no multiple of 256 long is completed with zero
// blocks in `buffer` (types with small blocks only).
template <class D>
struct UnitReader {
  alignas(64) uint8_t buffer[D::kBlockElems < 256 ? D::kUnitBytes : 1];

  GANNET_INLINE const uint8_t* open(const uint8_t* row, int64_t u, int64_t n_in) {
    const uint8_t* at = row + u * D::kUnitBytes;
    if constexpr (D::kBlockElems < 256) {
      const int64_t left = (n_in - u * kUnit) / D::kBlockElems * D::kBlockBytes;
      if (left < D::kUnitBytes) {
        __builtin_memset(buffer, 0, sizeof(buffer));
        __builtin_memcpy(buffer, at, static_cast<size_t>(left));
        return buffer;
      }
    }
    return at;
  }
};

// Units of a group of rows with so many bytes together are multiplied faster than one core can load them:
// those of 6 and 8 bits.
inline constexpr int64_t kFastPiece = 800;

// While unit u of a group of rows is multiplied, fetches the u-th piece of the group that follows at `next`,
// into the second level cache when kFar (backend/cpu/fetch.h). The pieces are taken in memory order, so that
// the hardware sees one stream instead of many short ones: on Zen 4 twice the bandwidth of fetching row by
// row.
template <int64_t kPiece, bool kFar>
GANNET_INLINE void prefetch_piece(const uint8_t* group, int64_t u) {
  const uint8_t* at = group + u * kPiece;
  for (int64_t line = 0; line < kPiece; line += 64) __builtin_prefetch(at + line, 0, kFar ? 1 : 3);
}

}  // namespace gannet::GANNET_ISA_NS
