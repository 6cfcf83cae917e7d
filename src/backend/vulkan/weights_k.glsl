// The K types: blocks of 256. Pieces are eighths of a block; `e` is which.
const uint kBlock = 256;

#if defined(WEIGHT_Q4_K)
struct Block {
  uint dm, scales[3], qs[32];
};
#define ALIGN 4
#elif defined(WEIGHT_Q5_K)
struct Block {
  uint dm, scales[3], qh[8], qs[32];
};
#define ALIGN 4
#elif defined(WEIGHT_Q2_K)
struct Block {
  uint scales[4], qs[16], dm;
};
#define ALIGN 4
#elif defined(WEIGHT_Q3_K)
struct Block {
  uint16_t hmask[16], qs[32], scales[6], d;
};
const uint kBlockBytes = 110, kWideBytes = 96, kScaleBytes = 12;
#define ALIGN 2
#else
struct Block {
  uint16_t ql[64], qh[32], scales[8], d;
};
const uint kBlockBytes = 210, kWideBytes = 192, kScaleBytes = 16;
#define ALIGN 2
#endif
layout(buffer_reference, scalar, buffer_reference_align = ALIGN) buffer Weights { Block v[]; };
#if ALIGN == 2
#include "backend/vulkan/weight_planes.glsl"
#endif

void weights_begin() {}

#if defined(WEIGHT_Q4_K) || defined(WEIGHT_Q5_K)
// A piece is the nibbles of 16 bytes: half of one sub-block of 32 and half of the next.
uint run_start(uint p, uint run) { return p / 2 * 64 + p % 2 * 16 + run / 2 * 32 + run % 2 * 8; }

// A block is whole fours of words: the head, fifth bits, and from kCodes on the codes.
#if defined(WEIGHT_Q5_K)
const uint kFours = 11, kCodes = 3;
#else
const uint kFours = 9, kCodes = 1;
#endif
uvec4 wide(Weights w, uint block, uint i) { return U32x4(w).v[kFours * block + i]; }
#define WORDS(array, i) uvec4(array[i], array[(i) + 1], array[(i) + 2], array[(i) + 3])

// 6-bit scale and minimum of a sub-block. `low`: the bytes of scales and minima 0..3, `high`: those that 4..7 share.
vec2 scale_min(uint s0, uint s1, uint s2, uint b) {
  const uint shift = b % 4 * 8;
  const uint scale = s0 >> shift, least = s1 >> shift, both = s2 >> shift;
  return b < 4 ? vec2(scale & 63u, least & 63u)
               : vec2(both & 15u | (scale >> 6 & 3u) << 4, both >> 4 & 15u | (least >> 6 & 3u) << 4);
}

void weight_piece(Weights w, uint row, uint p, uint n, precise out vec4 q[8]) {
  const uint at = row * (n / kBlock) + p / 8, e = p % 8;
  const uvec4 head = kWideWeights
                         ? wide(w, at, 0)
                         : uvec4(w.v[at].dm, w.v[at].scales[0], w.v[at].scales[1], w.v[at].scales[2]);
  const uvec4 codes = kWideWeights ? wide(w, at, kCodes + e) : WORDS(w.v[at].qs, 4 * e);
#if defined(WEIGHT_Q5_K)
  const uvec4 fifths = (kWideWeights ? wide(w, at, 1 + e % 2) : WORDS(w.v[at].qh, 4 * (e % 2))) >> e / 2 * 2;
#endif
  const vec2 dm = unpackHalf2x16(head.x);
  const vec2 low = dm * scale_min(head.y, head.z, head.w, e / 2 * 2);
  const vec2 high = dm * scale_min(head.y, head.z, head.w, e / 2 * 2 + 1);
  [[unroll]] for (uint i = 0; i < 4; ++i) {
    const uint word = codes[i];
#if defined(WEIGHT_Q5_K)
    const uint first = (fifths[i] & kOneBit) << 4, second = (fifths[i] >> 1 & kOneBit) << 4;
#else
    const uint first = 0, second = 0;
#endif
    q[i] = fma(vec4(low.x), bytes_of(word & kLowNibbles | first), vec4(-low.y));
    q[i + 4] = fma(vec4(high.x), bytes_of(word >> 4 & kLowNibbles | second), vec4(-high.y));
  }
}

#else
// A piece is all bits of 8 bytes: run j has the j-th two of each byte, and lies 32 elements behind the one before.
uint run_start(uint p, uint run) { return p / 4 * 128 + p % 4 * 8 + run * 32; }

// A block as it lies there: by 8 and 16 bytes of its fields.
struct BlockAt {
  uint at;  // of all blocks
#if ALIGN == 2
  uint b, blocks;  // of the row's
  PlaneRow r;
#endif
};
BlockAt block_at(Weights w, uint row, uint b, uint n) {
  const uint blocks = n / kBlock;
#if ALIGN == 2
  return BlockAt(row * blocks + b, b, blocks, plane_row(w, row, blocks * kBlockBytes));
#else
  return BlockAt(row * blocks + b);
#endif
}
#define HALVES_PAIR(array, i) \
  uvec2(word_of(array[4 * (i)], array[4 * (i) + 1]), word_of(array[4 * (i) + 2], array[4 * (i) + 3]))
#define HALVES_FOUR(array, i) uvec4(HALVES_PAIR(array, 2 * (i)), HALVES_PAIR(array, 2 * (i) + 1))

#if ALIGN == 2
uint two_scales(Weights w, BlockAt k, uint i) {
  return kWideWeights ? narrow_bytes(k.r, kWideBytes * k.blocks + kScaleBytes * k.b + 2 * i)
                      : uint(w.v[k.at].scales[i]);
}
float block_scale(Weights w, BlockAt k) {
  return half_of(kWideWeights ? narrow_bytes(k.r, (kWideBytes + kScaleBytes) * k.blocks + 2 * k.b)
                              : uint(w.v[k.at].d));
}
#endif

#if defined(WEIGHT_Q2_K)
uvec2 two_bits(Weights w, BlockAt k, uint i) { return uvec2(w.v[k.at].qs[2 * i], w.v[k.at].qs[2 * i + 1]); }
#elif defined(WEIGHT_Q3_K)
// Planes: 4 fours of a block, then 2 of each.
uvec2 two_bits(Weights w, BlockAt k, uint i) {
  return kWideWeights ? WordPair(k.r.planes).v[8 * k.b + i] : HALVES_PAIR(w.v[k.at].qs, i);
}
uvec4 two_bits_four(Weights w, BlockAt k, uint i) {
  return kWideWeights ? k.r.planes.v[4 * k.b + i] : HALVES_FOUR(w.v[k.at].qs, i);
}
uvec2 third_bits(Weights w, BlockAt k, uint i) {
  return kWideWeights ? WordPair(k.r.planes).v[8 * k.blocks + 4 * k.b + i] : HALVES_PAIR(w.v[k.at].hmask, i);
}
uvec4 third_bits_four(Weights w, BlockAt k, uint i) {
  return kWideWeights ? k.r.planes.v[4 * k.blocks + 2 * k.b + i] : HALVES_FOUR(w.v[k.at].hmask, i);
}
float sub_scale(Weights w, BlockAt k, uint sub) {
  const uint low = two_scales(w, k, sub % 8 / 2) >> sub % 2 * 8 + sub / 8 * 4 & 15u;
  const uint high = two_scales(w, k, 4 + sub % 4 / 2) >> sub % 2 * 8 + sub / 4 * 2 & 3u;
  return block_scale(w, k) * float(int(low | high << 4) - 32);
}
#else
// Planes: 8 fours of a block, then 4 of each.
uvec2 nibbles(Weights w, BlockAt k, uint i) {
  return kWideWeights ? WordPair(k.r.planes).v[16 * k.b + i] : HALVES_PAIR(w.v[k.at].ql, i);
}
uvec4 nibbles_four(Weights w, BlockAt k, uint i) {
  return kWideWeights ? k.r.planes.v[8 * k.b + i] : HALVES_FOUR(w.v[k.at].ql, i);
}
uvec2 two_bits(Weights w, BlockAt k, uint i) {
  return kWideWeights ? WordPair(k.r.planes).v[16 * k.blocks + 8 * k.b + i] : HALVES_PAIR(w.v[k.at].qh, i);
}
uvec4 two_bits_four(Weights w, BlockAt k, uint i) {
  return kWideWeights ? k.r.planes.v[8 * k.blocks + 4 * k.b + i] : HALVES_FOUR(w.v[k.at].qh, i);
}
float sub_scale(Weights w, BlockAt k, uint sub) {
  return block_scale(w, k) * float(int(two_scales(w, k, sub / 2) << 24 - sub % 2 * 8) >> 24);
}
#endif

void weight_piece(Weights w, uint row, uint p, uint n, precise out vec4 q[8]) {
  BlockAt k = block_at(w, row, p / 8, n);
  const uint e = p % 8, part = e / 4, pair = e % 4;  // which 128, which 8 bytes of 32
  const uvec2 codes = two_bits(w, k, 4 * part + pair);
#if defined(WEIGHT_Q2_K)
  const vec2 dm = unpackHalf2x16(w.v[k.at].dm);
#elif defined(WEIGHT_Q3_K)
  const uvec2 mask = third_bits(w, k, pair) >> 4 * part;
#else
  const uvec2 a = nibbles(w, k, 8 * part + pair), b = nibbles(w, k, 8 * part + 4 + pair);
#endif
  [[unroll]] for (uint j = 0; j < 4; ++j) {
    const uint sub = 8 * part + 2 * j + pair / 2;  // sub-block of 16
#if defined(WEIGHT_Q2_K)
    const uint s = w.v[k.at].scales[sub / 4] >> sub % 4 * 8;
#else
    const float scale = sub_scale(w, k, sub);
#endif
    [[unroll]] for (uint i = 0; i < 2; ++i) {
      const uint two = codes[i] >> 2 * j & kTwoBits;
#if defined(WEIGHT_Q2_K)
      q[2 * j + i] = fma(vec4(dm.x * float(s & 15u)), bytes_of(two), vec4(-dm.y * float(s >> 4 & 15u)));
#elif defined(WEIGHT_Q3_K)
      q[2 * j + i] = scale * (bytes_of(two | (mask[i] >> j & kOneBit) << 2) - 4);
#else
      const uint low = (j % 2 == 0 ? a[i] : b[i]) >> j / 2 * 4 & kLowNibbles;
      q[2 * j + i] = scale * (bytes_of(low | two << 4) - 32);
#endif
    }
  }
}
#endif
