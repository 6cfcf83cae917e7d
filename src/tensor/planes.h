// Rows of blocks in another order of their bytes, for devices that read memory in aligned pieces. Blocks of
// some types are no whole words (Q8_0: 34 bytes), so that none of their fields has a fixed alignment.
//
// In planes, a field of all blocks of a row lies side by side, field after field: first the wide ones, whose
// bytes belong to words, then the narrow ones, which are read by one or two bytes. The planes begin at the
// first address of the row that is a multiple of 16 and, at the end of the row, go on at its beginning: only
// narrow fields get there. So every code can be read 16 bytes at a time, whatever the size of the row, while
// rows keep their size and place: slices of a matrix and copies of its rows are what they would be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace gannet {

// Bytes of every block.
struct PlaneField {
  uint16_t at, bytes;
  bool wide;
};
inline constexpr size_t kMostPlanes = 4;

// In the order of the planes, the wide ones first. Empty: the type has none, its blocks are whole words or
// odd in other ways.
std::span<const PlaneField> plane_fields(DType type);

// Whether rows of n elements can lie in planes: what lies at their beginning must be narrow.
bool in_planes(DType type, int64_t n);

// Writes rows of n elements, which can, in planes. `address`: where kernels will find `to`; only how it lies
// between multiples of 16 counts.
void blocks_to_planes(DType type, int64_t n, std::span<const std::byte> from, std::byte* to,
                      uintptr_t address);

}  // namespace gannet
