// Rows of a KV cache, read as floats. Needs step.glsl.

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer U32x2 { uvec2 v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer U32x4 { uvec4 v[]; };

float kv_value(U8 page, uint type, uint place, uint i) {
  switch (type) {
    case kF32:
      return F32(page).v[place / 4 + i];
    case kF16:
      return half_at(U16(page), place / 2 + i);
    case kBF16:
      return uintBitsToFloat(uint(U16(page).v[place / 2 + i]) << 16);
    default: {
      const uint block = place + i / 32 * 34;
      return half_at(U16(page), block / 2) * float(I8(page).v[block + 2 + i % 32]);
    }
  }
}

vec4 halves_of(uvec2 words) { return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y)); }
vec4 bf16_of(uvec2 words) {
  return uintBitsToFloat(uvec4(words.x << 16, words.x & 0xffff0000u, words.y << 16, words.y & 0xffff0000u));
}
vec4 codes_of(U16 row, uint at) {
  const uint word = uint(row.v[at]) | uint(row.v[at + 1]) << 16;
  return vec4(int(word << 24) >> 24, int(word << 16) >> 24, int(word << 8) >> 24, int(word) >> 24);
}

// Elements i to i + 3 of a row of n. wide: i is a multiple of 4, they are all there, and rows of numbers lie at
// multiples of 16 bytes.
vec4 kv_four(U8 page, uint type, uint place, uint i, uint n, bool wide) {
  if (!wide) {
    vec4 x;
    [[unroll]] for (uint j = 0; j < 4; ++j) x[j] = i + j < n ? kv_value(page, type, place, i + j) : 0.0;
    return x;
  }
  switch (type) {
    case kF32:
      return uintBitsToFloat(U32x4(page).v[place / 16 + i / 4]);
    case kF16:
      return halves_of(U32x2(page).v[place / 8 + i / 4]);
    case kBF16:
      return bf16_of(U32x2(page).v[place / 8 + i / 4]);
    default: {
      const uint block = place + i / 32 * 34;
      return half_at(U16(page), block / 2) * codes_of(U16(page), (block + 2 + i % 32) / 2);
    }
  }
}

// Elements i to i + 7, a multiple of 8, in two halves.
void kv_eight(U8 page, uint type, uint place, uint i, uint n, bool wide, out vec4 low, out vec4 high) {
  if (wide && (type == kF16 || type == kBF16)) {
    const uvec4 words = U32x4(page).v[place / 16 + i / 8];
    low = type == kF16 ? halves_of(words.xy) : bf16_of(words.xy);
    high = type == kF16 ? halves_of(words.zw) : bf16_of(words.zw);
  } else {
    low = kv_four(page, type, place, i, n, wide);
    high = kv_four(page, type, place, i + 4, n, wide);
  }
}
