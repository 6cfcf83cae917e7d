// One view of every block type for kernels: a row is groups of 16 or 32 elements, and inside a group
//   value = scale * code + offset
// with an unsigned 8-bit code per element and an f32 scale and offset per group. What differs between the
// types (bit packing, grids, sign bits, scales of scales) ends here, so one matrix kernel can serve all of
// them. The function is scalar and is the definition; kernel files unpack the common types faster and are
// tested against it.
//
// Codes are in element order. Types whose integers are signed are biased: by the smallest value for the
// narrow ones (Q4_0 8, Q5_0 16, Q3_K 4, Q6_K 32, MXFP4 and NVFP4 12, ternary 1), by 128 for Q8_0, IQ4_* and
// the grid types; the offset is -bias * scale then. IQ1 codes count eighths: code = 8 g +- 1 + 128, scale an
// eighth of the block's.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace gannet {

struct GroupInfo {
  int group;     // elements per (scale, offset): 16 or 32; 0 when the type has no such view (the unquantised
                 // ones)
  int max_code;  // no code is larger, whatever the bytes
};

GroupInfo group_info(DType type);

// Decodes elements [first, first + n) of a row, which starts at `row`. `first` and `n` are multiples of
// max(32, block_elems). Writes n codes and n / group scales and offsets. Any bytes are safe to decode; the
// scales are finite if find_bad_block() (codec.h) finds none. The type must have a group view. Thread-safe,
// allocates nothing.
void decode_groups(DType type, const void* row, int64_t first, int64_t n, uint8_t* codes, float* scales,
                   float* offsets);

}  // namespace gannet
