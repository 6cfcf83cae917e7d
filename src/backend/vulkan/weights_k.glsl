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
#define ALIGN 2
#else
struct Block {
  uint16_t ql[64], qh[32], scales[8], d;
};
#define ALIGN 2
#endif
layout(buffer_reference, scalar, buffer_reference_align = ALIGN) buffer Weights { Block v[]; };

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

void weight_piece(Weights w, uint row, uint p, uint n, precise out vec4 q[8]) {
  const uint at = row * (n / kBlock) + p / 8, e = p % 8;
  const uint part = e / 4, l = e % 4 * 8;  // which 128, first byte
#if defined(WEIGHT_Q2_K)
  const vec2 dm = unpackHalf2x16(w.v[at].dm);
#else
  const float d = half_of(w.v[at].d);
#endif
  [[unroll]] for (uint i = 0; i < 2; ++i) {
    const uint k = l / 4 + i;  // word of 32 bytes
#if defined(WEIGHT_Q2_K)
    const uint codes = w.v[at].qs[8 * part + k];
#elif defined(WEIGHT_Q3_K)
    const uint codes = word_of(w.v[at].qs[16 * part + 2 * k], w.v[at].qs[16 * part + 2 * k + 1]);
    const uint mask = word_of(w.v[at].hmask[2 * k], w.v[at].hmask[2 * k + 1]) >> 4 * part;
#else
    const uint codes = word_of(w.v[at].qh[16 * part + 2 * k], w.v[at].qh[16 * part + 2 * k + 1]);
    const uint a = word_of(w.v[at].ql[32 * part + 2 * k], w.v[at].ql[32 * part + 2 * k + 1]);
    const uint b = word_of(w.v[at].ql[32 * part + 16 + 2 * k], w.v[at].ql[32 * part + 16 + 2 * k + 1]);
#endif
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      const uint sub = 8 * part + 2 * j + l / 16;  // sub-block of 16
      const uint two = codes >> 2 * j & kTwoBits;
#if defined(WEIGHT_Q2_K)
      const uint s = w.v[at].scales[sub / 4] >> sub % 4 * 8;
      q[2 * j + i] = fma(vec4(dm.x * float(s & 15u)), bytes_of(two), vec4(-dm.y * float(s >> 4 & 15u)));
#elif defined(WEIGHT_Q3_K)
      const uint low = uint(w.v[at].scales[sub % 8 / 2]) >> sub % 2 * 8 + sub / 8 * 4 & 15u;
      const uint high = uint(w.v[at].scales[4 + sub % 4 / 2]) >> sub % 2 * 8 + sub / 4 * 2 & 3u;
      const float scale = d * float(int(low | high << 4) - 32);
      q[2 * j + i] = scale * (bytes_of(two | (mask >> j & kOneBit) << 2) - 4);
#else
      const uint nibbles = (j % 2 == 0 ? a : b) >> j / 2 * 4 & kLowNibbles;
      const int s = int(uint(w.v[at].scales[sub / 2]) << 24 - sub % 2 * 8) >> 24;
      q[2 * j + i] = d * float(s) * (bytes_of(nibbles | two << 4) - 32);
#endif
    }
  }
}
#endif
