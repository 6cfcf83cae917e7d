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
  const uint blocks = n / kBlock;
  least = 0;
#if defined(WEIGHT_Q4_K) || defined(WEIGHT_Q5_K)
  const uint at = row * blocks + b / 8, e = b % 8;
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
  const uint at = row * blocks + b / 8, part = b % 8 / 4, j = b % 4, sub = 2 * (b % 8);
  const float d = half_of(w.v[at].d);
  [[unroll]] for (uint i = 0; i < 8; ++i) {
#if defined(WEIGHT_Q3_K)
    const uint two = word_of(w.v[at].qs[16 * part + 2 * i], w.v[at].qs[16 * part + 2 * i + 1]) >> 2 * j & kTwoBits;
    const uint mask = word_of(w.v[at].hmask[2 * i], w.v[at].hmask[2 * i + 1]) >> 4 * part + j & kOneBit;
    codes[i] = bytes_less(two | mask << 2, 4);
#else
    const uint two = word_of(w.v[at].qh[16 * part + 2 * i], w.v[at].qh[16 * part + 2 * i + 1]) >> 2 * j & kTwoBits;
    const uint l = 32 * part + 16 * (j % 2) + 2 * i;
    const uint nibbles = word_of(w.v[at].ql[l], w.v[at].ql[l + 1]) >> j / 2 * 4 & kLowNibbles;
    codes[i] = bytes_less(nibbles | two << 4, 32);
#endif
  }
  [[unroll]] for (uint h = 0; h < 2; ++h) {
#if defined(WEIGHT_Q3_K)
    const uint s = sub + h;
    const uint low = uint(w.v[at].scales[s % 8 / 2]) >> s % 2 * 8 + s / 8 * 4 & 15u;
    const uint high = uint(w.v[at].scales[4 + s % 4 / 2]) >> s % 2 * 8 + s / 4 * 2 & 3u;
    scale[h] = d * float(int(low | high << 4) - 32);
#else
    scale[h] = d * float(int(uint(w.v[at].scales[sub / 2]) << 24 - h * 8) >> 24);
#endif
  }
#elif defined(WEIGHT_Q8_0)
  const uint at = row * blocks + b;
  scale = vec2(half_of(w.v[at].d));
  [[unroll]] for (uint i = 0; i < 8; ++i) codes[i] = word_of(w.v[at].qs[2 * i], w.v[at].qs[2 * i + 1]);
#else
  const uint at = row * blocks + b;
#if defined(CODES_LEAST)
  const vec2 dm = unpackHalf2x16(w.v[at].dm);
  scale = vec2(dm.x);
  least = -dm.y;
#else
  scale = vec2(half_of(w.v[at].d));
#endif
#if defined(WEIGHT_Q5_0)
  const uint high = word_of(w.v[at].qh[0], w.v[at].qh[1]);
#elif defined(WEIGHT_Q5_1)
  const uint high = w.v[at].qh;
#else
  const uint high = 0;
#endif
  [[unroll]] for (uint i = 0; i < 4; ++i) {
#if defined(CODES_LEAST)
    const uint word = w.v[at].qs[i];
#else
    const uint word = word_of(w.v[at].qs[2 * i], w.v[at].qs[2 * i + 1]);
#endif
    codes[i] = word & kLowNibbles | fifth_bits(high >> 4 * i);
    codes[i + 4] = word >> 4 & kLowNibbles | fifth_bits(high >> 4 * i + 16);
#if defined(WEIGHT_Q4_0)
    codes[i] = bytes_less(codes[i], 8);
    codes[i + 4] = bytes_less(codes[i + 4], 8);
#elif defined(WEIGHT_Q5_0)
    codes[i] = bytes_less(codes[i], 16);
    codes[i + 4] = bytes_less(codes[i + 4], 16);
#endif
  }
#endif
}
