// The grid types, as dequantise.glsl has the others. A shader has those of one code book, which it asks for with a
// define: IQ1, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS or IQ3_S.
#include "backend/vulkan/dequantise.glsl"
#include "backend/vulkan/dequantise_books.glsl"

uint long_at(U8 row, uint at) { return word_at(row, at) | word_at(row, at + 2) << 16; }

// Point `index` of a list, whose word is given.
uint grid_point(uint word, uint index) { return word >> index % 2 * 16; }
uint iq2_level(uint digit) { return digit == 0 ? 8u : digit == 1 ? 25u : 43u; }

// Digit k to base 3 of point `index` of a book of bits.
#if defined(IQ1) || defined(IQ2_S)
#ifdef IQ1
#define BITS kGridIq1
#define BITS_BEFORE kGridIq1Before
#else
#define BITS kGridIq2s
#define BITS_BEFORE kGridIq2sBefore
#endif
uint ternary_digit(uint index, uint k) {
  uint word = 0, left = index;
  for (uint part = 1; part < 26; ++part) {
    const uint before = BITS_BEFORE[part];
    if (before > index) break;
    word = 8 * part;
    left = index - before;
  }
  uint bits;
  for (;; ++word) {
    bits = BITS[word];
    const uint count = bitCount(bits);
    if (left < count) break;
    left -= count;
  }
  for (; left > 0; --left) bits &= bits - 1;
  const uint powers[8] = {1, 3, 9, 27, 81, 243, 729, 2187};
  return (32 * word + findLSB(bits)) / powers[k] % 3;
}
#endif

// Bit 7 makes the number of minus signs even.
uint even_signs(uint index) { return index | (uint(bitCount(index)) & 1u) << 7; }

float signed_value(float scale, uint magnitude, uint signs, uint k) {
  const float value = product(scale, float(magnitude));
  return (signs >> k & 1u) != 0 ? -value : value;
}
// d * (0.5 + s) * part
float half_step_scale(float d, uint s, float part) { return product(product(d, 0.5 + float(s)), part); }

#ifdef IQ2_XXS
float value_iq2_xxs(U8 row, uint at, uint j) {
  const uint b = j / 32, l = j % 32 / 8, sub = at + 2 + 8 * b, w = long_at(row, sub + 4), index = byte_at(row, sub + l);
  const uint digit = grid_point(kGridIq2xxs[index / 2], index) >> j % 8 * 2 & 3u;
  return signed_value(half_step_scale(d_at(row, at), w >> 28, 0.25), iq2_level(digit),
                      even_signs(w >> 7 * l & 127u), j % 8);
}
#endif

#ifdef IQ2_XS
float value_iq2_xs(U8 row, uint at, uint j) {
  const uint q = word_at(row, at + 2 + j / 8 * 2), index = q & 511u;
  const uint s = byte_at(row, at + 66 + j / 32) >> j % 32 / 16 * 4 & 15u;
  const uint digit = grid_point(kGridIq2xs[index / 2], index) >> j % 8 * 2 & 3u;
  return signed_value(half_step_scale(d_at(row, at), s, 0.25), iq2_level(digit), even_signs(q >> 9), j % 8);
}
#endif

#ifdef IQ2_S
float value_iq2_s(U8 row, uint at, uint j) {
  const uint g = j / 8, s = byte_at(row, at + 74 + j / 32) >> j % 32 / 16 * 4 & 15u;
  const uint index = byte_at(row, at + 2 + g) | (byte_at(row, at + 66 + g / 4) >> g % 4 * 2 & 3u) << 8;
  return signed_value(half_step_scale(d_at(row, at), s, 0.25), iq2_level(ternary_digit(index, j % 8)),
                      byte_at(row, at + 34 + g), j % 8);
}
#endif

#ifdef IQ3_XXS
float value_iq3_xxs(U8 row, uint at, uint j) {
  const uint w = long_at(row, at + 66 + j / 32 * 4), index = byte_at(row, at + 2 + j / 4);
  const uint digit = grid_point(kGridIq3xxs[index / 2], index) >> j % 4 * 3 & 7u;
  return signed_value(half_step_scale(d_at(row, at), w >> 28, 0.5), digit == 7 ? 62u : 4 + 8 * digit,
                      even_signs(w >> j % 32 / 8 * 7 & 127u), j % 8);
}
#endif

#ifdef IQ3_S
float value_iq3_s(U8 row, uint at, uint j) {
  const uint b = j / 32, s = byte_at(row, at + 106 + b / 2) >> b % 2 * 4 & 15u;
  const uint index = byte_at(row, at + 2 + j / 4) | (byte_at(row, at + 66 + b) >> j % 32 / 4 & 1u) << 8;
  const uint digit = grid_point(kGridIq3s[index / 2], index) >> j % 4 * 3 & 7u;
  return signed_value(product(d_at(row, at), float(1 + 2 * s)), 1 + 2 * digit, byte_at(row, at + 74 + j / 8), j % 8);
}
#endif

#ifdef IQ1
// A point of IQ1, each element moved by an eighth.
float iq1_value(float scale, uint index, uint k, bool down) {
  const int digit = int(ternary_digit(index, k)) - 1;
  return product(scale, float(digit) + (down ? -0.125 : 0.125));
}
float value_iq1_s(U8 row, uint at, uint j) {
  const uint high = word_at(row, at + 34 + j / 32 * 2);
  const uint index = byte_at(row, at + 2 + j / 8) | (high >> j % 32 / 8 * 3 & 7u) << 8;
  return iq1_value(product(d_at(row, at), float(2 * (high >> 12 & 7u) + 1)), index, j % 8, (high & 0x8000u) != 0);
}
float value_iq1_m(U8 row, uint at, uint j) {
  const uint t = j / 8, u = j / 16, scales = at + 48;
  const uint h = byte_at(row, at + 32 + t / 2) >> t % 2 * 4 & 15u;
  const uint s = word_at(row, scales + u / 4 * 2) >> u % 4 * 3 & 7u;
  const uint d = word_at(row, scales) >> 12 | word_at(row, scales + 2) >> 8 & 0xF0u |
                 word_at(row, scales + 4) >> 4 & 0xF00u | word_at(row, scales + 6) & 0xF000u;
  return iq1_value(product(from_half(d), float(2 * s + 1)), byte_at(row, at + t) | (h & 7u) << 8, j % 8, (h & 8u) != 0);
}
#endif

// Of the types of the book, or, without a book, of the others; type: GGUF's number.
float book_value(uint type, U8 row, uint at, uint j) {
#if defined(IQ1)
  return type == 19 ? value_iq1_s(row, at, j) : value_iq1_m(row, at, j);
#elif defined(IQ2_XXS)
  return value_iq2_xxs(row, at, j);
#elif defined(IQ2_XS)
  return value_iq2_xs(row, at, j);
#elif defined(IQ2_S)
  return value_iq2_s(row, at, j);
#elif defined(IQ3_XXS)
  return value_iq3_xxs(row, at, j);
#elif defined(IQ3_S)
  return value_iq3_s(row, at, j);
#else
  return block_value(type, row, at, j);
#endif
}
