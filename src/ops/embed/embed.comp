// Rows of a table: four elements per invocation. With the define of a code book (dequantise_books.glsl) for a
// type that has one, without for all others.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step_rows.glsl"

layout(constant_id = 1) const uint kType = 0;  // GGUF's number
layout(constant_id = 2) const uint kBlockElements = 1;
layout(constant_id = 3) const uint kBlockBytes = 1;
// Planes of the rows (tensor/planes.h): byte of a block, and how many. Without any they are blocks.
layout(constant_id = 4) const uint kAt0 = 0;
layout(constant_id = 5) const uint kBytes0 = 0;
layout(constant_id = 6) const uint kAt1 = 0;
layout(constant_id = 7) const uint kBytes1 = 0;
layout(constant_id = 8) const uint kAt2 = 0;
layout(constant_id = 9) const uint kBytes2 = 0;
layout(constant_id = 10) const uint kAt3 = 0;
layout(constant_id = 11) const uint kBytes3 = 0;

layout(push_constant, scalar) uniform Arguments {
  U8 table;
  U32 y;
  I32 ids;
  StepRows step_rows;
  uint n, n_table, n_tokens, ids_step;
} a;

// Where byte `at` of the table's blocks lies.
uint place_of(uint at) {
  if (kBytes0 == 0) return at;
  const uint blocks = a.n / kBlockElements, bytes = blocks * kBlockBytes;
  const uint row = at / bytes * bytes, block = at % bytes / kBlockBytes, byte = at % kBlockBytes;
  const uvec4 from = uvec4(kAt0, kAt1, kAt2, kAt3), size = uvec4(kBytes0, kBytes1, kBytes2, kBytes3);
  uint plane = -(uvec2(a.table).x + row) & 15u;
  [[unroll]] for (uint i = 0; i < 4; ++i) {
    if (byte - from[i] < size[i]) return row + (plane + block * size[i] + byte - from[i]) % bytes;
    plane += blocks * size[i];
  }
  return at;
}
#define PLACE_OF_BYTE(row, at) place_of(at)
#include "backend/vulkan/dequantise_grids.glsl"

// The bits of element i of a row: what is only moved must not meet arithmetic.
uint element(uint row, uint i) {
  if (kType == 0) return U32(a.table).v[row * a.n + i];
  if (kType == 1) return floatBitsToUint(from_half(uint(U16(a.table).v[row * a.n + i])));
  if (kType == 30) return uint(U16(a.table).v[row * a.n + i]) << 16;
  const uint block = row * (a.n / kBlockElements) + i / kBlockElements;
  return floatBitsToUint(book_value(kType, a.table, block * kBlockBytes, i % kBlockElements));
}

void main() {
  const uint n = live_of(a.step_rows, a.n_tokens) * a.n;
  uint i = group_index() * gl_WorkGroupSize.x * 4 + gl_LocalInvocationID.x;
  for (uint k = 0; k < 4; ++k, i += gl_WorkGroupSize.x)
    if (i < n) {
      // A wrong number reads another row, but nothing else.
      const uint row = min(uint(a.ids.v[i / a.n * a.ids_step]), a.n_table - 1);
      a.y.v[i] = element(row, i % a.n);
    }
}
