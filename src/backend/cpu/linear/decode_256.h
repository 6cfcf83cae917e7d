// Decoders (see decode_32.h) of the types with 256 elements per block that unpack with shifts and masks: a
// unit is one block.
#pragma once

#include "backend/cpu/dot.h"
#include "backend/cpu/linear/fields.h"
#include "tensor/blocks.h"

namespace gannet::GANNET_ISA_NS {

template <class Block>
struct Decode256 {
  static constexpr int kBlockElems = 256, kBlockBytes = sizeof(Block);
  static constexpr int64_t kUnitBytes = kBlockBytes;
  static constexpr bool kSigned = false;

  static GANNET_INLINE const Block& block(const uint8_t* unit) {
    return *reinterpret_cast<const Block*>(unit);
  }
  static GANNET_INLINE uint32_t word(const uint8_t* p) {
    uint32_t w;
    __builtin_memcpy(&w, p, 4);
    return w;
  }
  static GANNET_INLINE uint64_t words(uint32_t low, uint32_t high) {
    return low | static_cast<uint64_t>(high) << 32;
  }
  // Q2_K, Q3_K: two bits of elements 128 n + 32 j + l lie in qs[32 n + l] at 2 j.
  static GANNET_INLINE Bytes two_bits(const uint8_t* qs, int step) {
#if defined(__AVX512F__)
    const int j = step % 2 * 2;
    return and_bytes(shift_halves(twice32(qs + step / 2 * 32), 2 * j, 2 * j + 2), splat_byte(3));
#else
    return and_bytes(shift_right(load_bytes(qs + step / 4 * 32), step % 4 * 2), splat_byte(3));
#endif
  }
  // Q4_K, Q5_K: low nibbles of 32 bytes, then their high nibbles.
  static GANNET_INLINE Bytes four_bits(const uint8_t* qs, int step) {
#if defined(__AVX512F__)
    return and_bytes(shift_halves(twice32(qs + 32 * step), 0, 4), splat_byte(15));
#else
    return and_bytes(shift_right(load_bytes(qs + step / 2 * 32), step % 2 * 4), splat_byte(15));
#endif
  }
  // Where the low (high) nibbles of bytes 16 f .. 16 f + 15 go in a panel.
  static GANNET_INLINE uint8_t* four_bit_place(uint8_t* out, int f, int high) {
    return out + (f / 2 * 64 + high * 32 + f % 2 * 16) * kLanes;
  }
  // Adds `value` to the elements 32 b + l of this step whose bit b of bits[l] is set.
  static GANNET_INLINE Bytes add_bit_planes(Bytes codes, const uint8_t* bits, int step, int value) {
#if defined(__AVX512F__)
    return add_where_any(codes, twice32(bits), splat_halves(1 << (2 * step), 2 << (2 * step)), value);
#else
    return add_where_any(codes, load_bytes(bits), splat_byte(1 << step), value);
#endif
  }
  // Q4_K, Q5_K: d * scale and -dmin * min of the 8 sub-blocks.
  static GANNET_INLINE void six_bit_scales(const Block& b, Scales<32>& s, Scales<32>& o) requires requires {
    b.dmin;
  }
  {
    constexpr uint32_t k2 = 0x30303030, k4 = 0x0F0F0F0F, k6 = 0x3F3F3F3F;
    const uint32_t u = word(b.scales), v = word(b.scales + 4), w = word(b.scales + 8);
    s = scales_u8(words(u & k6, (w & k4) | ((u >> 2) & k2)), half_float(b.d));
    o = scales_u8(words(v & k6, ((w >> 4) & k4) | ((v >> 2) & k2)), -half_float(b.dmin));
  }
};

struct DecodeQ2_K : Decode256<BlockQ2_K> {
  static constexpr int kGroup = 16, kBias = 0, kMostCode = 3;
  static constexpr bool kOffsets = true;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<16>& s, Scales<16>& o) {
    const BlockQ2_K& b = block(unit);
    constexpr uint64_t k4 = 0x0F0F0F0F0F0F0F0F;
    uint64_t low, high;
    __builtin_memcpy(&low, b.scales, 8);
    __builtin_memcpy(&high, b.scales + 8, 8);
    s = scales_i8(low & k4, high & k4, half_float(b.d));
    o = scales_i8((low >> 4) & k4, (high >> 4) & k4, -half_float(b.dmin));
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) { return two_bits(block(unit).qs, step); }
};

struct DecodeQ3_K : Decode256<BlockQ3_K> {
  static constexpr int kGroup = 16, kBias = 4, kMostCode = 7;
  static constexpr bool kOffsets = false;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<16>& s, Scales<16>&) {
    const BlockQ3_K& b = block(unit);
    constexpr uint32_t k2 = 0x03030303, k4 = 0x0F0F0F0F;
    const uint32_t u = word(b.scales), v = word(b.scales + 4), w = word(b.scales + 8);
    // Bytes 0..63 stand for -32..31: moving them into bits 2..7 and flipping the top bit makes signed bytes
    // of 4 times the value, exact in float.
    constexpr uint64_t kFlip = 0x8080808080808080;
    const uint64_t low = words((u & k4) | ((w & k2) << 4), (v & k4) | (((w >> 2) & k2) << 4));
    const uint64_t high =
        words(((u >> 4) & k4) | (((w >> 4) & k2) << 4), ((v >> 4) & k4) | (((w >> 6) & k2) << 4));
    s = scales_i8((low << 2) ^ kFlip, (high << 2) ^ kFlip, half_float(b.d) * 0.25f);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) {
    const BlockQ3_K& b = block(unit);
    return add_bit_planes(two_bits(b.qs, step), b.hmask, step, 4);
  }
};

struct DecodeQ4_K : Decode256<BlockQ4_K> {
  static constexpr int kGroup = 32, kBias = 0, kMostCode = 15;
  static constexpr bool kOffsets = true;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<32>& s, Scales<32>& o) {
    six_bit_scales(block(unit), s, o);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) { return four_bits(block(unit).qs, step); }
#if defined(__AVX2__)
  static GANNET_INLINE void unit(const uint8_t* from, Bytes (&out)[kPieces][4]) {
    nibble_pair_unit(block(from).qs, out);
  }
  static GANNET_INLINE void panel(const uint8_t* unit, int64_t row_bytes, uint8_t* out) {
    for (int f = 0; f < 8; ++f)
      nibble_field(
          block(unit).qs + 16 * f, row_bytes, four_bit_place(out, f, 0), four_bit_place(out, f, 1),
          [](Bytes codes, int, int) __attribute__((always_inline)) { return codes; });
  }
#endif
};

struct DecodeQ5_K : Decode256<BlockQ5_K> {
  static constexpr int kGroup = 32, kBias = 0, kMostCode = 31;
  static constexpr bool kOffsets = true;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<32>& s, Scales<32>& o) {
    six_bit_scales(block(unit), s, o);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) {
    const BlockQ5_K& b = block(unit);
    return add_bit_planes(four_bits(b.qs, step), b.qh, step, 16);
  }
#if defined(__AVX2__)
  static GANNET_INLINE void unit(const uint8_t* from, Bytes (&out)[kPieces][4]) {
    nibble_pair_unit(block(from).qs, out);
    // Bit b of the 32 bytes is that of groups 2 b and 2 b + 1.
    const Bytes first = in_all_chunks(block(from).qh), second = in_all_chunks(block(from).qh + 16);
    const Bytes a = low_words(first, second), b = high_words(first, second);
    const Bytes bits[4] = {low_pairs(a, a), high_pairs(a, a), low_pairs(b, b), high_pairs(b, b)};
    GANNET_UNROLL
    for (int piece = 0; piece < kPieces; ++piece) {
      alignas(64) static constexpr uint64_t kMasks[8] = {
          0x0101010101010101, 0x0202020202020202, 0x0404040404040404, 0x0808080808080808,
          0x1010101010101010, 0x2020202020202020, 0x4040404040404040, 0x8080808080808080};
      const Bytes mask = load_bytes(kMasks + piece * kStep / 8);
      GANNET_UNROLL
      for (int word = 0; word < 4; ++word)
        out[piece][word] = add_where_any(out[piece][word], bits[word], mask, 16);
    }
  }
  static GANNET_INLINE void panel(const uint8_t* unit, int64_t row_bytes, uint8_t* out) {
    PanelBytes bits[2][4];
    for (int h = 0; h < 2; ++h) transpose_fields(block(unit).qh + 16 * h, row_bytes, bits[h]);
    for (int f = 0; f < 8; ++f)
      nibble_field(
          block(unit).qs + 16 * f, row_bytes, four_bit_place(out, f, 0),
          four_bit_place(out, f, 1), [&](Bytes codes, int w, int high) __attribute__((always_inline)) {
            return add_where_any(codes, bits[f % 2][w], splat_byte(1 << (f / 2 * 2 + high)), 16);
          });
  }
#endif
};

struct DecodeQ6_K : Decode256<BlockQ6_K> {
  static constexpr int kGroup = 16, kBias = 32, kMostCode = 63;
  static constexpr bool kOffsets = false;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<16>& s, Scales<16>&) {
    const BlockQ6_K& b = block(unit);
    uint64_t low, high;
    __builtin_memcpy(&low, b.scales, 8);
    __builtin_memcpy(&high, b.scales + 8, 8);
    s = scales_i8(low, high, half_float(b.d));
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) {
    const BlockQ6_K& b = block(unit);
#if defined(__AVX512F__)
    const int odd = step % 2;
    const Bytes low = and_bytes(shift_right(load_bytes(b.ql + step / 2 * 64), 4 * odd), splat_byte(15));
    const Bytes high = shift_halves(twice32(b.qh + step / 2 * 32), odd ? 0 : -4, odd ? 2 : -2);
#else
    const int n = step / 4, j = step % 4;
    const Bytes low =
        and_bytes(shift_right(load_bytes(b.ql + 64 * n + 32 * (j % 2)), j / 2 * 4), splat_byte(15));
    const Bytes high = shift_right(load_bytes(b.qh + 32 * n), 2 * j - 4);
#endif
    return or_bytes(low, and_bytes(high, splat_byte(0x30)));
  }
#if defined(__AVX2__)
  static GANNET_INLINE void panel(const uint8_t* unit, int64_t row_bytes, uint8_t* out) {
    for (int q = 0; q < 4; ++q) {  // 32 n + 16 h
      const int n = q / 2, h = q % 2;
      PanelBytes bits[4];
      transpose_fields(block(unit).qh + 16 * q, row_bytes, bits);
      for (int odd = 0; odd < 2; ++odd) {
        uint8_t* low = out + (128 * n + 32 * odd + 16 * h) * kLanes;
        nibble_field(
            block(unit).ql + 64 * n + 32 * odd + 16 * h, row_bytes, low,
            low + 64 * kLanes, [&](Bytes codes, int w, int high) __attribute__((always_inline)) {
              const Bytes top = shift_right(bits[w], 2 * (odd + 2 * high) - 4);
              return or_bytes(codes, and_bytes(top, splat_byte(0x30)));
            });
      }
    }
  }
#endif
};

struct DecodeIQ4_XS : Decode256<BlockIQ4_XS> {
  static constexpr int kGroup = 32, kBias = kSignedBias, kMostCode = 0;
  static constexpr bool kOffsets = false, kSigned = true;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<32>& s, Scales<32>&) {
    const BlockIQ4_XS& b = block(unit);
    uint64_t low = word(b.scales_l);  // nibbles to bytes
    low = (low | low << 16) & 0x0000FFFF0000FFFF;
    low = (low | low << 8) & 0x00FF00FF00FF00FF;
    low = (low | low << 4) & 0x0F0F0F0F0F0F0F0F;
    uint64_t high = b.scales_h;  // pairs of bits to bytes
    high = (high | high << 24) & 0x000000FF000000FF;
    high = (high | high << 12) & 0x000F000F000F000F;
    high = (high | high << 6) & 0x0303030303030303;
    // As in Q3_K: signed bytes of 4 times the value.
    s = scales_i8(((low | high << 4) << 2) ^ 0x8080808080808080, half_float(b.d) * 0.25f);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) {
    const uint8_t* qs = block(unit).qs;
#if defined(__AVX512F__)
    return from_signed(table16(kKnl, nibbles16(qs + 32 * step, qs + 32 * step + 16)));
#else
    return from_signed(table16(kKnl, nibbles16(qs + 16 * step)));
#endif
  }
#if defined(__AVX2__)
  static GANNET_INLINE void unit(const uint8_t* from, Bytes (&out)[kPieces][4]) {
    nibble_unit(block(from).qs, 16, out);
    GANNET_UNROLL
    for (int i = 0; i < 4 * kPieces; ++i) out[i / 4][i % 4] = from_signed(table16(kKnl, out[i / 4][i % 4]));
  }
  static GANNET_INLINE void panel(const uint8_t* unit, int64_t row_bytes, uint8_t* out) {
    for (int b = 0; b < 8; ++b)
      nibble_field(
          block(unit).qs + 16 * b, row_bytes, out + 32 * b * kLanes, out + (32 * b + 16) * kLanes,
          [](Bytes codes, int, int)
              __attribute__((always_inline)) { return from_signed(table16(kKnl, codes)); });
  }
#endif
};

}  // namespace gannet::GANNET_ISA_NS
