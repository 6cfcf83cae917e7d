// Weights of a type as whole numbers, 32 neighbours at a time, for products with activations that were rounded to such.
// A type says here weight_codes(...): block b (elements from 32 * b on) of a row as
//   codes    signed bytes, four to a word
//   scale    of the first and the second 16
//   least    what is taken off after scaling (only with CODES_LEAST)
// Behind weights.glsl, whose blocks it reads.
#if defined(WEIGHT_Q4_1) || defined(WEIGHT_Q5_1) || defined(WEIGHT_Q4_K) || defined(WEIGHT_Q5_K)
#define CODES_LEAST
#endif
// Whether the two scales differ.
#if defined(WEIGHT_Q3_K) || defined(WEIGHT_Q6_K)
#define CODES_HALVES
#endif

// Every byte, at most 127, less the same at most 128.
uint bytes_less(uint word, uint less) { return (word | 0x80808080u) - less * 0x01010101u ^ 0x80808080u; }

void weight_codes(Weights w, uint row, uint b, uint n, out uint codes[8], out vec2 scale, out float least) {
  least = 0;
#if defined(WEIGHT_Q4_K) || defined(WEIGHT_Q5_K)
  const uint at = row * (n / kBlock) + b / 8, e = b % 8;
  const uvec4 head = kWideWeights
                         ? wide(w, at, 0)
                         : uvec4(w.v[at].dm, w.v[at].scales[0], w.v[at].scales[1], w.v[at].scales[2]);
  const vec2 dm = unpackHalf2x16(head.x) * scale_min(head.y, head.z, head.w, e);
  scale = vec2(dm.x);
  least = dm.y;
  [[unroll]] for (uint h = 0; h < 2; ++h) {
    const uvec4 words = kWideWeights ? wide(w, at, kCodes + e / 2 * 2 + h) : WORDS(w.v[at].qs, e / 2 * 8 + 4 * h);
    uvec4 all = words >> e % 2 * 4 & kLowNibbles;
#if defined(WEIGHT_Q5_K)
    const uvec4 fifths = kWideWeights ? wide(w, at, 1 + h) : WORDS(w.v[at].qh, 4 * h);
    all |= (fifths >> e & kOneBit) << 4;
#endif
    [[unroll]] for (uint i = 0; i < 4; ++i) codes[4 * h + i] = all[i];
  }
#elif defined(WEIGHT_Q3_K) || defined(WEIGHT_Q6_K)
  BlockAt k = block_at(w, row, b / 8, n);
  const uint part = b % 8 / 4, j = b % 4;
  [[unroll]] for (uint h = 0; h < 2; ++h) {
    const uvec4 two = two_bits_four(w, k, 2 * part + h) >> 2 * j & kTwoBits;
#if defined(WEIGHT_Q3_K)
    const uvec4 mask = third_bits_four(w, k, h) >> 4 * part + j & kOneBit;
    [[unroll]] for (uint i = 0; i < 4; ++i) codes[4 * h + i] = bytes_less(two[i] | mask[i] << 2, 4);
#else
    const uvec4 low = nibbles_four(w, k, 4 * part + 2 * (j % 2) + h) >> j / 2 * 4 & kLowNibbles;
    [[unroll]] for (uint i = 0; i < 4; ++i) codes[4 * h + i] = bytes_less(low[i] | two[i] << 4, 32);
#endif
    scale[h] = sub_scale(w, k, 2 * (b % 8) + h);
  }
#else
  const Codes c = codes_of(w, row, b, n);
  scale = vec2(c.dm.x);
#if defined(CODES_LEAST)
  least = -c.dm.y;
#endif
#if defined(WEIGHT_Q8_0)
  [[unroll]] for (uint i = 0; i < 8; ++i) codes[i] = c.words[i / 4][i % 4];
#else
  [[unroll]] for (uint i = 0; i < 4; ++i) {
    codes[i] = c.words[i] & kLowNibbles | fifth_bits(c.fifths >> 4 * i);
    codes[i + 4] = c.words[i] >> 4 & kLowNibbles | fifth_bits(c.fifths >> 4 * i + 16);
#if defined(WEIGHT_Q4_0)
    codes[i] = bytes_less(codes[i], 8);
    codes[i + 4] = bytes_less(codes[i + 4], 8);
#elif defined(WEIGHT_Q5_0)
    codes[i] = bytes_less(codes[i], 16);
    codes[i + 4] = bytes_less(codes[i + 4], 16);
#endif
  }
#endif
#endif
}
