// Code books of the grid ("IQ") types, expanded at compile time from the membership bitmaps in grids.cpp,
// plus the sign table that the even-parity types use. Element k of an entry is byte k counted from the least
// significant one, so a little-endian store of the entry is the group in element order. Every index a block
// can hold is inside its table, so hostile bytes cannot reach past the end. Read-only, constant-initialised:
// safe before main() and from any thread.
#pragma once

#include <cstdint>

#include "tensor/half.h"

namespace gannet {

template <class Entry, int kEntries>
struct GridTable {
  Entry entry[kEntries];

  GANNET_INLINE constexpr Entry operator[](uint32_t index) const { return entry[index]; }
  GANNET_INLINE constexpr const Entry* data() const { return entry; }  // for gather instructions
  GANNET_INLINE static constexpr int size() { return kEntries; }
};

extern const GridTable<uint64_t, 256> kGridIq2xxs;  // 8 elements, each 8, 25 or 43
extern const GridTable<uint64_t, 512> kGridIq2xs;   // same values
extern const GridTable<uint64_t, 1024> kGridIq2s;   // same values
extern const GridTable<uint64_t, 2048> kGridIq1;    // 8 signed elements, each -1, 0 or +1 (bytes FF, 00, 01)
extern const GridTable<uint32_t, 256> kGridIq3xxs;  // 4 elements, each 4, 12, 20, 28, 36, 44, 52 or 62
extern const GridTable<uint32_t, 512> kGridIq3s;    // 4 elements, each odd, 1 to 15

// Sign byte of a 7-bit sign index: the index itself, bit 7 chosen so that the number of minus signs is even.
extern const GridTable<uint8_t, 128> kEvenSigns;

}  // namespace gannet
