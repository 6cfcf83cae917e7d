// The grid types, as dequantise.glsl has the others, those for which a define asks (grids.glsl).
#include "backend/vulkan/dequantise.glsl"
#include "backend/vulkan/grids.glsl"

uint long_at(U8 row, uint at) { return word_at(row, at) | word_at(row, at + 2) << 16; }

// Digit k of a point whose words are given.
uint grid_word(uint word, uint index) { return word >> index % 2 * 16; }
uint iq2_digit(uint word, uint index, uint k) {
  const uint digit = grid_word(word, index) >> 2 * k & 3u;
  return digit == 0 ? 8u : digit == 1 ? 25u : 43u;
}
uint iq3_digit(uint word, uint index, uint k) { return grid_word(word, index) >> 3 * k & 7u; }

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
  return signed_value(half_step_scale(d_at(row, at), w >> 28, 0.25), iq2_digit(kGridIq2xxs[index / 2], index, j % 8),
                      even_signs(w >> 7 * l & 127u), j % 8);
}
#endif

#ifdef IQ2_XS
float value_iq2_xs(U8 row, uint at, uint j) {
  const uint q = word_at(row, at + 2 + j / 8 * 2), index = q & 511u, s = byte_at(row, at + 66 + j / 32) >> j % 32 / 16 * 4 & 15u;
  return signed_value(half_step_scale(d_at(row, at), s, 0.25), iq2_digit(kGridIq2xs[index / 2], index, j % 8),
                      even_signs(q >> 9), j % 8);
}
#endif

#ifdef IQ2_S
float value_iq2_s(U8 row, uint at, uint j) {
  const uint g = j / 8, s = byte_at(row, at + 74 + j / 32) >> j % 32 / 16 * 4 & 15u;
  const uint index = byte_at(row, at + 2 + g) | (byte_at(row, at + 66 + g / 4) >> g % 4 * 2 & 3u) << 8;
  return signed_value(half_step_scale(d_at(row, at), s, 0.25), iq2_digit(kGridIq2s[index / 2], index, j % 8),
                      byte_at(row, at + 34 + g), j % 8);
}
#endif

#ifdef IQ3_XXS
float value_iq3_xxs(U8 row, uint at, uint j) {
  const uint w = long_at(row, at + 66 + j / 32 * 4), index = byte_at(row, at + 2 + j / 4);
  const uint digit = iq3_digit(kGridIq3xxs[index / 2], index, j % 4);
  return signed_value(half_step_scale(d_at(row, at), w >> 28, 0.5), digit == 7 ? 62u : 4 + 8 * digit,
                      even_signs(w >> j % 32 / 8 * 7 & 127u), j % 8);
}
#endif

#ifdef IQ3_S
float value_iq3_s(U8 row, uint at, uint j) {
  const uint b = j / 32, s = byte_at(row, at + 106 + b / 2) >> b % 2 * 4 & 15u;
  const uint index = byte_at(row, at + 2 + j / 4) | (byte_at(row, at + 66 + b) >> j % 32 / 4 & 1u) << 8;
  return signed_value(product(d_at(row, at), float(1 + 2 * s)), 1 + 2 * iq3_digit(kGridIq3s[index / 2], index, j % 4),
                      byte_at(row, at + 74 + j / 8), j % 8);
}
#endif

#ifdef IQ1
// A point of IQ1, each element moved by an eighth.
float iq1_value(float scale, uint index, uint k, bool down) {
  const int digit = int(grid_word(kGridIq1[index / 2], index) >> 2 * k & 3u) - 1;
  return product(scale, float(digit) + (down ? -0.125 : 0.125));
}
float value_iq1_s(U8 row, uint at, uint j) {
  const uint high = word_at(row, at + 34 + j / 32 * 2);
  const uint index = byte_at(row, at + 2 + j / 8) | (high >> j % 32 / 8 * 3 & 7u) << 8;
  return iq1_value(product(d_at(row, at), float(2 * (high >> 12 & 7u) + 1)), index, j % 8, (high & 0x8000u) != 0);
}
float value_iq1_m(U8 row, uint at, uint j) {
  const uint t = j / 8, u = j / 16, scales = at + 48;
  const uint h = byte_at(row, at + 32 + t / 2) >> t % 2 * 4 & 15u, s = word_at(row, scales + u / 4 * 2) >> u % 4 * 3 & 7u;
  const uint d = word_at(row, scales) >> 12 | word_at(row, scales + 2) >> 8 & 0xF0u | word_at(row, scales + 4) >> 4 & 0xF00u |
                 word_at(row, scales + 6) & 0xF000u;
  return iq1_value(product(from_half(d), float(2 * s + 1)), byte_at(row, at + t) | (h & 7u) << 8, j % 8, (h & 8u) != 0);
}
#endif
