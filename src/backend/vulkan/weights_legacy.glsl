// Types with 32 elements in a block and one scale: the low nibbles are the first 16 elements.
const uint kBlock = 32;

#if defined(WEIGHT_Q4_0)
struct Block {
  uint16_t d, qs[8];
};
#define ALIGN 2
#elif defined(WEIGHT_Q4_1)
struct Block {
  uint dm, qs[4];
};
#define ALIGN 4
#elif defined(WEIGHT_Q5_0)
struct Block {
  uint16_t d, qh[2], qs[8];
};
#define ALIGN 2
#elif defined(WEIGHT_Q5_1)
struct Block {
  uint dm, qh, qs[4];
};
#define ALIGN 4
#else
struct Block {
  uint16_t d, qs[16];
};
#define ALIGN 2
#endif
layout(buffer_reference, scalar, buffer_reference_align = ALIGN) buffer Weights { Block v[]; };

#if ALIGN == 2
#include "backend/vulkan/weight_planes.glsl"
#endif

void weights_begin() {}
uint run_start(uint p, uint run) { return 32 * p + 8 * run; }

// A block as it lies there.
struct Codes {
#if defined(WEIGHT_Q8_0)
  uvec4 words[2];
#else
  uvec4 words;  // the low nibbles are the first 16 elements
  uint fifths;  // a bit per element
#endif
  vec2 dm;  // scale, and what is added after scaling if the type has that
};

#if ALIGN == 2
uvec4 four(Weights w, uint at, uint i) {
  return uvec4(word_of(w.v[at].qs[i], w.v[at].qs[i + 1]), word_of(w.v[at].qs[i + 2], w.v[at].qs[i + 3]),
               word_of(w.v[at].qs[i + 4], w.v[at].qs[i + 5]), word_of(w.v[at].qs[i + 6], w.v[at].qs[i + 7]));
}
#endif

// Block b of a row.
Codes codes_of(Weights w, uint row, uint b, uint n) {
  const uint blocks = n / kBlock, at = row * blocks + b;
  Codes c;
#if defined(WEIGHT_Q8_0)
  PlaneRow r = plane_row(w, row, blocks * 34);
  [[unroll]] for (uint i = 0; i < 2; ++i) c.words[i] = kWideWeights ? r.planes.v[2 * b + i] : four(w, at, 8 * i);
  c.dm = vec2(kWideWeights ? half_of(narrow_bytes(r, blocks * 32 + 2 * b)) : half_of(w.v[at].d), 0);
#elif defined(WEIGHT_Q4_0)
  PlaneRow r = plane_row(w, row, blocks * 18);
  c.words = kWideWeights ? r.planes.v[b] : four(w, at, 0);
  c.fifths = 0;
  c.dm = vec2(kWideWeights ? half_of(narrow_bytes(r, blocks * 16 + 2 * b)) : half_of(w.v[at].d), 0);
#elif defined(WEIGHT_Q5_0)
  PlaneRow r = plane_row(w, row, blocks * 22);
  c.words = kWideWeights ? r.planes.v[b] : four(w, at, 0);
  c.fifths = kWideWeights ? U32(r.planes).v[blocks * 4 + b] : word_of(w.v[at].qh[0], w.v[at].qh[1]);
  c.dm = vec2(kWideWeights ? half_of(narrow_bytes(r, blocks * 20 + 2 * b)) : half_of(w.v[at].d), 0);
#else
  c.words = uvec4(w.v[at].qs[0], w.v[at].qs[1], w.v[at].qs[2], w.v[at].qs[3]);
#if defined(WEIGHT_Q5_1)
  c.fifths = w.v[at].qh;
#else
  c.fifths = 0;
#endif
  c.dm = unpackHalf2x16(w.v[at].dm);
#endif
  return c;
}

void weight_piece(Weights w, uint row, uint p, uint n, precise out vec4 q[8]) {
  const Codes c = codes_of(w, row, p, n);
  const float d = c.dm.x;
#if defined(WEIGHT_Q8_0)
  [[unroll]] for (uint i = 0; i < 8; ++i) q[i] = d * signed_bytes_of(c.words[i / 4][i % 4]);
#else
#if defined(WEIGHT_Q4_0)
  const float m = -8 * d;
#elif defined(WEIGHT_Q5_0)
  const float m = -16 * d;
#else
  const float m = c.dm.y;
#endif
  [[unroll]] for (uint i = 0; i < 4; ++i) {
    const uint word = c.words[i];
    q[i] = fma(vec4(d), bytes_of(word & kLowNibbles | fifth_bits(c.fifths >> 4 * i)), vec4(m));
    q[i + 4] = fma(vec4(d), bytes_of(word >> 4 & kLowNibbles | fifth_bits(c.fifths >> 4 * i + 16)), vec4(m));
  }
#endif
}
