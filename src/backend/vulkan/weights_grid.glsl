// The grid types: groups of eight (two fours for IQ3) are points of a code book, with signs or a shift beside it.
#include "backend/vulkan/grids.glsl"

const uint kBlock = 256;

#if defined(WEIGHT_IQ2_XXS)
struct Block {
  uint16_t d, qs[32];  // of 32 elements: four places, then signs and scale
};
#elif defined(WEIGHT_IQ2_XS)
struct Block {
  uint16_t d, qs[32];
  uint8_t scales[8];
};
#elif defined(WEIGHT_IQ2_S)
struct Block {
  uint16_t d;
  uint8_t qs[32], signs[32], qh[8], scales[8];
};
#elif defined(WEIGHT_IQ3_XXS)
struct Block {
  uint16_t d;
  uint8_t qs[64];
  uint16_t w[16];
};
#elif defined(WEIGHT_IQ3_S)
struct Block {
  uint16_t d;
  uint8_t qs[64], qh[8], signs[32], scales[4];
};
#elif defined(WEIGHT_IQ1_S)
struct Block {
  uint16_t d;
  uint8_t qs[32];
  uint16_t qh[8];
};
#elif defined(WEIGHT_IQ1_M)
struct Block {
  uint8_t qs[32], qh[16];
  uint16_t scales[4];
};
#else
#error no such type
#endif
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Weights { Block v[]; };

// Digits of the entries' elements: of four elements three bits each, of eight two.
shared uint16_t grid[kEntries];
shared uint grid_counts[gl_WorkGroupSize.x];

uint digits_of(uint point) {
#if defined(WEIGHT_IQ3_XXS) || defined(WEIGHT_IQ3_S)
  return point;
#else
  uint digits = 0;
  for (uint k = 0; k < 8; ++k, point /= 3) digits |= point % 3 << 2 * k;
  return digits;
#endif
}

// A code book is written out by all invocations, each from its part of the bitmap.
void weights_begin() {
  const uint size = gl_WorkGroupSize.x, me = gl_LocalInvocationID.x, share = (kBitmapWords + size - 1) / size;
  const uint begin = me * share, end = min(begin + share, kBitmapWords);
  uint count = 0;
  for (uint i = begin; i < end; ++i) count += uint(bitCount(kBitmap[i]));
  grid_counts[me] = count;
  barrier();
  uint at = 0;
  for (uint i = 0; i < me; ++i) at += grid_counts[i];
  for (uint i = begin; i < end; ++i)
    for (uint bits = kBitmap[i]; bits != 0; bits &= bits - 1)
      grid[at++] = uint16_t(digits_of(32 * i + uint(findLSB(bits))));
  barrier();
}
uint run_start(uint p, uint run) { return 32 * p + 8 * run; }

uint entry(uint i) { return uint(grid[i]); }
vec4 negated(vec4 x, uint signs) { return x * (1 - 2 * vec4(uvec4(signs) >> uvec4(0, 1, 2, 3) & 1u)); }
// Bit 7 makes the number of signs even.
uint even_signs(uint index) { return index | (uint(bitCount(index)) & 1u) << 7; }

#if defined(WEIGHT_IQ3_XXS) || defined(WEIGHT_IQ3_S)
// Four numbers of three bits.
vec4 point(uint bits) {
  const uvec4 digits = uvec4(bits) >> uvec4(0, 3, 6, 9) & 7u;
#if defined(WEIGHT_IQ3_XXS)
  return vec4(4 + 8 * digits + 2 * (digits / 7));
#else
  return vec4(1 + 2 * digits);
#endif
}
#else
// Four numbers of two bits, 0 to 2.
vec4 point(uint bits) {
  const uvec4 digits = uvec4(bits) >> uvec4(0, 2, 4, 6) & 3u;
#if defined(WEIGHT_IQ1_S) || defined(WEIGHT_IQ1_M)
  return vec4(digits) - 1;
#else
  return vec4(8 + 17 * digits + digits / 2);
#endif
}
#endif

void weight_piece(Weights w, uint row, uint p, uint n, precise out vec4 q[8]) {
  const uint at = row * (n / kBlock) + p / 8, b = p % 8;
#if defined(WEIGHT_IQ1_M)
  const uint top = uint(w.v[at].scales[0]) >> 12 | uint(w.v[at].scales[1]) >> 8 & 0xF0u |
                   uint(w.v[at].scales[2]) >> 4 & 0xF00u | uint(w.v[at].scales[3]) & 0xF000u;
  const float d = unpackHalf2x16(top).x;
#else
  const float d = half_of(w.v[at].d);
#endif
#if defined(WEIGHT_IQ2_XXS)
  const uint places = word_of(w.v[at].qs[4 * b], w.v[at].qs[4 * b + 1]);
  const uint rest = word_of(w.v[at].qs[4 * b + 2], w.v[at].qs[4 * b + 3]);
#elif defined(WEIGHT_IQ3_XXS)
  const uint rest = word_of(w.v[at].w[2 * b], w.v[at].w[2 * b + 1]);
#elif defined(WEIGHT_IQ1_S)
  const uint high = uint(w.v[at].qh[b]);
#elif defined(WEIGHT_IQ2_S) || defined(WEIGHT_IQ3_S)
  const uint high = uint(w.v[at].qh[b]);
#endif
  [[unroll]] for (uint l = 0; l < 4; ++l) {
    const uint t = 4 * b + l;  // group of eight
#if defined(WEIGHT_IQ1_S) || defined(WEIGHT_IQ1_M)
#if defined(WEIGHT_IQ1_S)
    const float scale = d * float(2 * (high >> 12 & 7u) + 1), shift = (high & 0x8000u) != 0 ? -0.125 : 0.125;
    const uint e = entry(uint(w.v[at].qs[t]) | (high >> 3 * l & 7u) << 8);
#else
    const uint u = t / 2, h = uint(w.v[at].qh[u]) >> t % 2 * 4 & 15u;
    const float scale = d * float(2 * (uint(w.v[at].scales[u / 4]) >> u % 4 * 3 & 7u) + 1);
    const float shift = (h & 8u) != 0 ? -0.125 : 0.125;
    const uint e = entry(uint(w.v[at].qs[t]) | (h & 7u) << 8);
#endif
    q[2 * l] = scale * (point(e) + shift);
    q[2 * l + 1] = scale * (point(e >> 8) + shift);
#elif defined(WEIGHT_IQ3_XXS) || defined(WEIGHT_IQ3_S)
    uint first = uint(w.v[at].qs[2 * t]), second = uint(w.v[at].qs[2 * t + 1]);
#if defined(WEIGHT_IQ3_XXS)
    const float scale = d * (0.5 + float(rest >> 28)) * 0.5;
    const uint signs = even_signs(rest >> 7 * l & 127u);
#else
    const float scale = d * float(1 + 2 * (uint(w.v[at].scales[b / 2]) >> b % 2 * 4 & 15u));
    const uint signs = uint(w.v[at].signs[t]);
    first |= (high >> 2 * l & 1u) << 8;
    second |= (high >> 2 * l + 1 & 1u) << 8;
#endif
    q[2 * l] = negated(scale * point(entry(first)), signs);
    q[2 * l + 1] = negated(scale * point(entry(second)), signs >> 4);
#else
#if defined(WEIGHT_IQ2_XXS)
    const uint s = rest >> 28, e = entry(places >> 8 * l & 255u), signs = even_signs(rest >> 7 * l & 127u);
#else
    const uint s = uint(w.v[at].scales[b]) >> l / 2 * 4 & 15u;
#if defined(WEIGHT_IQ2_XS)
    const uint code = uint(w.v[at].qs[t]), e = entry(code & 511u), signs = even_signs(code >> 9);
#else
    const uint e = entry(uint(w.v[at].qs[t]) | (high >> 2 * l & 3u) << 8), signs = uint(w.v[at].signs[t]);
#endif
#endif
    const float scale = d * (0.5 + float(s)) * 0.25;
    q[2 * l] = negated(scale * point(e), signs);
    q[2 * l + 1] = negated(scale * point(e >> 8), signs >> 4);
#endif
  }
}
