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

void weights_begin() {}
uint run_start(uint p, uint run) { return 32 * p + 8 * run; }

void weight_piece(Weights w, uint row, uint p, uint n, precise out vec4 q[8]) {
  const uint at = row * (n / kBlock) + p;
#if defined(WEIGHT_Q8_0)
  const float d = half_of(w.v[at].d);
  [[unroll]] for (uint i = 0; i < 8; ++i)
    q[i] = d * signed_bytes_of(word_of(w.v[at].qs[2 * i], w.v[at].qs[2 * i + 1]));
#else
#if defined(WEIGHT_Q4_1) || defined(WEIGHT_Q5_1)
  const vec2 dm = unpackHalf2x16(w.v[at].dm);
  const float d = dm.x, m = dm.y;
#elif defined(WEIGHT_Q4_0)
  const float d = half_of(w.v[at].d), m = -8 * d;
#else
  const float d = half_of(w.v[at].d), m = -16 * d;
#endif
#if defined(WEIGHT_Q5_0)
  const uint high = word_of(w.v[at].qh[0], w.v[at].qh[1]);
#elif defined(WEIGHT_Q5_1)
  const uint high = w.v[at].qh;
#else
  const uint high = 0;
#endif
  [[unroll]] for (uint i = 0; i < 4; ++i) {
#if ALIGN == 2
    const uint word = word_of(w.v[at].qs[2 * i], w.v[at].qs[2 * i + 1]);
#else
    const uint word = w.v[at].qs[i];
#endif
    q[i] = fma(vec4(d), bytes_of(word & kLowNibbles | fifth_bits(high >> 4 * i)), vec4(m));
    q[i + 4] = fma(vec4(d), bytes_of(word >> 4 & kLowNibbles | fifth_bits(high >> 4 * i + 16)), vec4(m));
  }
#endif
}
