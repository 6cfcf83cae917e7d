// Block formats: the definition of what the bytes of every weight type mean, in plain scalar code, and the
// encoders that write them. Kernels are judged against dequantize_row().
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace gannet {

// Writes n floats to `out` from a row of any floating-point or block type. `n` must be a multiple of the
// block size. Bit-exact with the published formats (f32 arithmetic, combined scale first). Thread-safe,
// allocates nothing.
void dequantize_row(DType type, const void* row, float* out, int64_t n);

// True when quantize_row() can write `type`.
bool can_quantize(DType type);

// Encodes n floats into `row` (row_bytes(type, n) bytes). `importance` is null or n weights, one per input
// channel. Pass whole rows: the weights of Q4_0 to Q5_1 use the variance of the row. Aborts for types without
// an encoder: ask can_quantize() first. Values must be finite; where they are too large for the type's scale
// (half precision: about 65504 times the largest code) the scale becomes infinite and find_bad_block()
// reports the block. NVFP4 saturates instead, at 2688 in magnitude, as the format prescribes.
void quantize_row(DType type, const float* values, void* row, int64_t n, const float* importance = nullptr);

// Checks that every scale (and float element) of a row is finite and every field is in its defined range.
// Returns -1 when the row is sound, else the index of the first bad block (of the first bad element for F32,
// F16, BF16, F64; integers are always sound). Every element of a sound row decodes to a finite float; MXFP4
// exponents 253 and 254 are refused with 255 for that reason, and NVFP4 scales with the sign bit set because
// the format does not define them. Thread-safe, allocates nothing; reads only the scales of block types.
int64_t find_bad_block(DType type, const void* row, int64_t n);

}  // namespace gannet
