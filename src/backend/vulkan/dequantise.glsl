// What one element of a weight block stands for, to the bit: a function per type, value_TYPE(row, at, j) for element j
// of the block `at` bytes into the row. The layouts are those of tensor/blocks.h. The combined scale is rounded before
// it meets the code, and no product is fused with a sum: that is part of the formats.

// Who includes this may say where a byte of the blocks really lies.
#ifndef PLACE_OF_BYTE
#define PLACE_OF_BYTE(row, at) (at)
#endif
uint byte_at(U8 row, uint at) { return uint(row.v[PLACE_OF_BYTE(row, at)]); }
int signed_byte_at(U8 row, uint at) { return int(I8(row).v[PLACE_OF_BYTE(row, at)]); }
// Two bytes at an even place: all blocks but those of MXFP4 have an even number.
uint word_at(U8 row, uint at) { return uint(U16(row).v[PLACE_OF_BYTE(row, at) >> 1]); }

// Widening by hand: a device may take halves below 2^-14 for zero.
float from_half(uint h) {
  const uint sign = (h & 0x8000u) << 16, rest = h & 0x7FFFu;
  if (rest < 0x400u) return uintBitsToFloat(sign | floatBitsToUint(float(rest) * (1.0 / 16777216.0)));
  return uintBitsToFloat(sign | ((rest << 13) + (rest < 0x7C00u ? 0x38000000u : 0x70000000u)));
}
float d_at(U8 row, uint at) { return from_half(word_at(row, at)); }

float product(float a, float b) {
  precise float p = a * b;
  return p;
}
float product_plus(float a, float b, float c) {
  precise float p = a * b;
  precise float sum = p + c;
  return sum;
}

// Element j of 2 * half: the low nibbles of the bytes come first.
uint nibble_at(U8 row, uint qs, uint half_n, uint j) {
  const uint b = byte_at(row, qs + j % half_n);
  return j < half_n ? b & 15u : b >> 4;
}

// --- 32 elements, and some more ---

float value_q4_0(U8 row, uint at, uint j) {
  return product(d_at(row, at), float(int(nibble_at(row, at + 2, 16, j)) - 8));
}
float value_q4_1(U8 row, uint at, uint j) {
  return product_plus(d_at(row, at), float(nibble_at(row, at + 4, 16, j)), d_at(row, at + 2));
}
uint fifth_bit(U8 row, uint qh, uint j) { return (byte_at(row, qh + j / 8) >> j % 8 & 1u) << 4; }
float value_q5_0(U8 row, uint at, uint j) {
  return product(d_at(row, at), float(int(nibble_at(row, at + 6, 16, j) | fifth_bit(row, at + 2, j)) - 16));
}
float value_q5_1(U8 row, uint at, uint j) {
  const uint code = nibble_at(row, at + 8, 16, j) | fifth_bit(row, at + 4, j);
  return product_plus(d_at(row, at), float(code), d_at(row, at + 2));
}
float value_q8_0(U8 row, uint at, uint j) { return product(d_at(row, at), float(signed_byte_at(row, at + 2 + j))); }

const int kKnl[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
float value_iq4_nl(U8 row, uint at, uint j) {
  return product(d_at(row, at), float(kKnl[nibble_at(row, at + 2, 16, j)]));
}

// Twice the value of an E2M1 code; code 8 is zero.
const int kF4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
float value_mxfp4(U8 row, uint at, uint j) {
  const uint e = byte_at(row, at);
  const int code = kF4[nibble_at(row, at + 1, 16, j)];
  // Half the scale, 2^(e - 128). A device may take the two smallest, which are no normal numbers, for zero.
  if (e < 2) return product(product(float(code), uintBitsToFloat(63u << 23)), uintBitsToFloat(63u + e << 23));
  return product(uintBitsToFloat(e - 1 << 23), float(code));
}
float value_nvfp4(U8 row, uint at, uint j) {
  const uint x = byte_at(row, at + j / 16), exponent = x >> 3 & 15u, mantissa = x & 7u;
  const float scale = x == 0x7Fu       ? 0.0
                      : exponent == 0 ? float(mantissa) * (1.0 / 1024.0)
                                      : uintBitsToFloat(exponent + 119u << 23 | mantissa << 20);
  return product(scale, float(kF4[nibble_at(row, at + 4 + j / 16 * 8, 8, j % 16)]));
}
float value_q1_0(U8 row, uint at, uint j) {
  const float d = d_at(row, at);
  return (byte_at(row, at + 2 + j / 8) >> j % 8 & 1u) != 0 ? d : -d;
}
float value_q2_0(U8 row, uint at, uint j) {
  return product(d_at(row, at), float(int(byte_at(row, at + 2 + j / 4) >> 2 * (j % 4) & 3u) - 1));
}

// --- 256 elements ---

float value_q2_k(U8 row, uint at, uint j) {
  const uint pair = byte_at(row, at + j / 16);
  const uint q = byte_at(row, at + 16 + j / 128 * 32 + j % 32) >> j % 128 / 32 * 2 & 3u;
  const float scale = product(d_at(row, at + 80), float(pair & 15u));
  const float least = product(d_at(row, at + 82), float(pair >> 4));
  return product_plus(scale, float(q), -least);
}
float value_q3_k(U8 row, uint at, uint j) {
  const uint b = j / 16;
  const uint low = byte_at(row, at + 96 + b % 8) >> b / 8 * 4 & 15u;
  const uint high = byte_at(row, at + 104 + b % 4) >> b / 4 * 2 & 3u;
  const float scale = product(d_at(row, at + 108), float(int(low | high << 4) - 32));
  const int q = int(byte_at(row, at + 32 + j / 128 * 32 + j % 32) >> j % 128 / 32 * 2 & 3u);
  const bool up = (byte_at(row, at + j % 32) >> j / 32 & 1u) != 0;
  return product(scale, float(up ? q : q - 4));
}
// 6-bit scale (x) and minimum (y) of 32 elements of Q4_K and Q5_K.
vec2 k4_scale_min(U8 row, uint scales, uint b) {
  if (b < 4) return vec2(byte_at(row, scales + b) & 63u, byte_at(row, scales + b + 4) & 63u);
  const uint low = byte_at(row, scales + b + 4), up = byte_at(row, scales + b - 4), up_min = byte_at(row, scales + b);
  return vec2(low & 15u | up >> 6 << 4, low >> 4 | up_min >> 6 << 4);
}
float k4_value(U8 row, uint at, uint b, uint code) {
  const vec2 pair = k4_scale_min(row, at + 4, b);
  return product_plus(product(d_at(row, at), pair.x), float(code), -product(d_at(row, at + 2), pair.y));
}
float value_q4_k(U8 row, uint at, uint j) {
  return k4_value(row, at, j / 32, nibble_at(row, at + 16 + j / 64 * 32, 32, j % 64));
}
float value_q5_k(U8 row, uint at, uint j) {
  const uint high = byte_at(row, at + 16 + j % 32) >> j / 32 & 1u;
  return k4_value(row, at, j / 32, nibble_at(row, at + 48 + j / 64 * 32, 32, j % 64) | high << 4);
}
float value_q6_k(U8 row, uint at, uint j) {
  const uint low = byte_at(row, at + j / 128 * 64 + j % 64) >> j % 128 / 64 * 4 & 15u;
  const uint high = byte_at(row, at + 128 + j / 128 * 32 + j % 32) >> j % 128 / 32 * 2 & 3u;
  const float scale = product(d_at(row, at + 208), float(signed_byte_at(row, at + 192 + j / 16)));
  return product(scale, float(int(low | high << 4) - 32));
}
float value_iq4_xs(U8 row, uint at, uint j) {
  const uint b = j / 32, low = byte_at(row, at + 4 + b / 2) >> b % 2 * 4 & 15u;
  const uint high = word_at(row, at + 2) >> 2 * b & 3u;
  const float scale = product(d_at(row, at), float(int(low | high << 4) - 32));
  return product(scale, float(kKnl[nibble_at(row, at + 8 + 16 * b, 16, j % 32)]));
}
// Trits lie in runs of 32, 16 and 4 bytes; inside a run, all first ones come before all second ones.
float value_tq1_0(U8 row, uint at, uint j) {
  const bool first = j < 160, last = j >= 240;
  const uint run = first ? 0 : last ? 48 : 32, count = first ? 32 : last ? 4 : 16;
  const uint k = first ? j : last ? j - 240 : j - 160;
  const uint powers[5] = {1, 3, 9, 27, 81};
  const uint trit = (byte_at(row, at + run + k % count) * powers[k / count] & 255u) * 3 >> 8;
  return product(d_at(row, at + 52), float(int(trit) - 1));
}
float value_tq2_0(U8 row, uint at, uint j) {
  return product(d_at(row, at + 64), float(int(byte_at(row, at + j / 128 * 32 + j % 32) >> j % 128 / 32 * 2 & 3u) - 1));
}

// Of the types above, by the numbers that GGUF gives them. A type that is a constant costs no choice.
float block_value(uint type, U8 row, uint at, uint j) {
  switch (type) {
    case 2: return value_q4_0(row, at, j);
    case 3: return value_q4_1(row, at, j);
    case 6: return value_q5_0(row, at, j);
    case 7: return value_q5_1(row, at, j);
    case 8: return value_q8_0(row, at, j);
    case 10: return value_q2_k(row, at, j);
    case 11: return value_q3_k(row, at, j);
    case 12: return value_q4_k(row, at, j);
    case 13: return value_q5_k(row, at, j);
    case 14: return value_q6_k(row, at, j);
    case 20: return value_iq4_nl(row, at, j);
    case 23: return value_iq4_xs(row, at, j);
    case 34: return value_tq1_0(row, at, j);
    case 35: return value_tq2_0(row, at, j);
    case 39: return value_mxfp4(row, at, j);
    case 40: return value_nvfp4(row, at, j);
    case 41: return value_q1_0(row, at, j);
    case 42: return value_q2_0(row, at, j);
  }
  return 0.0;
}
