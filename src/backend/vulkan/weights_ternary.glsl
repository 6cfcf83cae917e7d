// One- and two-bit types and ternary ones.
#if defined(WEIGHT_TQ1_0)
const uint kBlock = 256;
struct Block {
  uint8_t qs[52];  // runs of 32, 16 and 4 bytes
  uint16_t d;
};
#elif defined(WEIGHT_TQ2_0)
const uint kBlock = 256;
struct Block {
  uint16_t qs[32], d;
};
#elif defined(WEIGHT_Q1_0)
const uint kBlock = 128;
struct Block {
  uint16_t d, qs[8];
};
#else
const uint kBlock = 64;
struct Block {
  uint16_t d, qs[8];
};
#endif
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Weights { Block v[]; };

void weights_begin() {}

#if defined(WEIGHT_TQ2_0)
// As Q2_K: a piece is all bits of 8 bytes.
uint run_start(uint p, uint run) { return p / 4 * 128 + p % 4 * 8 + run * 32; }
#else
uint run_start(uint p, uint run) { return 32 * p + 8 * run; }
#endif

#if defined(WEIGHT_TQ1_0)
// Element i of a block, 0 to 2. In each run of bytes all first trits come before all second ones.
uint trit_of(Weights w, uint at, uint i) {
  const uint first = i < 160 ? 0 : i < 240 ? 160 : 240, bytes = i < 160 ? 32 : i < 240 ? 16 : 4;
  const uint from = i < 160 ? 0 : i < 240 ? 32 : 48, trit = (i - first) / bytes;
  const uint power = trit == 0 ? 1 : trit == 1 ? 3 : trit == 2 ? 9 : trit == 3 ? 27 : 81;
  return (uint(w.v[at].qs[from + (i - first) % bytes]) * power & 255u) * 3 >> 8;
}
#endif

void weight_piece(Weights w, uint row, uint p, uint n, precise out vec4 q[8]) {
  const uint at = row * (n / kBlock) + p / (kBlock / 32), e = p % (kBlock / 32);
  const float d = half_of(w.v[at].d);
#if defined(WEIGHT_TQ1_0)
  [[unroll]] for (uint i = 0; i < 32; ++i) q[i / 4][i % 4] = d * (float(trit_of(w, at, 32 * e + i)) - 1);
#elif defined(WEIGHT_TQ2_0)
  [[unroll]] for (uint i = 0; i < 2; ++i) {
    const uint k = e / 4 * 16 + e % 4 * 4 + 2 * i;
    const uint codes = word_of(w.v[at].qs[k], w.v[at].qs[k + 1]);
    [[unroll]] for (uint j = 0; j < 4; ++j) q[2 * j + i] = d * (bytes_of(codes >> 2 * j & kTwoBits) - 1);
  }
#elif defined(WEIGHT_Q1_0)
  const uint bits = word_of(w.v[at].qs[2 * e], w.v[at].qs[2 * e + 1]);
  [[unroll]] for (uint i = 0; i < 8; ++i)
    q[i] = d * (vec4(uvec4(bits >> 4 * i) >> uvec4(0, 1, 2, 3) & 1u) * 2 - 1);
#else
  [[unroll]] for (uint i = 0; i < 4; ++i) {
    const uint codes = uint(w.v[at].qs[4 * e + i]);
    q[2 * i] = d * (vec4(uvec4(codes) >> uvec4(0, 2, 4, 6) & 3u) - 1);
    q[2 * i + 1] = d * (vec4(uvec4(codes) >> uvec4(8, 10, 12, 14) & 3u) - 1);
  }
#endif
}
