// Decoders of the types with 32 elements per block. A decoder turns a unit (256 elements, here 8 blocks in a
// row of the file) into codes and scales, value = scale * (code - kBias) + offset:
//   kGroup     elements per scale
//   kSigned    the codes are for dot<true>; kBias is then kSignedBias
//   kOffsets   the type has offsets besides kBias
//   scales()   the scales of a unit (and the offsets, when kOffsets)
//   codes()    the codes of step s of a unit, in element order
//   kMostCode  the largest code where codes are unsigned; 0 where they are signed
//   unit()     optional: the codes of a unit in the order of activations, see rows.h
//   panel()    optional, see pack.h: the codes of a unit of kLanes rows
// One struct per type; the same names for every instruction set (dot.h).
#pragma once

#include "backend/cpu/dot.h"
#include "backend/cpu/linear/fields.h"
#include "tensor/blocks.h"

namespace gannet::GANNET_ISA_NS {

template <class Block, int kStepsPerBlock = kStep / 32>
struct Decode32 {
  static constexpr int kGroup = 32;
  static constexpr int kBlockElems = 32, kBlockBytes = sizeof(Block);
  static constexpr int64_t kUnitBytes = 8 * kBlockBytes;
  static constexpr bool kOffsets = false, kSigned = false;
  static constexpr int kMostCode = 15;

  static GANNET_INLINE const Block& block(const uint8_t* unit, int i) {
    return reinterpret_cast<const Block*>(unit)[i];
  }
  // Nibbles of the 16-byte fields of the block or the two blocks of this step.
  static GANNET_INLINE Bytes nibbles(const uint8_t* unit, int step) {
#if defined(__AVX512F__)
    return nibbles16(block(unit, 2 * step).qs, block(unit, 2 * step + 1).qs);
#else
    return nibbles16(block(unit, step).qs);
#endif
  }
#if defined(__AVX2__)
  static GANNET_INLINE void nibbles_of(const uint8_t* unit, Bytes (&out)[kPieces][4]) {
    nibble_unit(block(unit, 0).qs, kBlockBytes, out);
  }
  template <class F>
  static GANNET_INLINE void nibbles_of(const uint8_t* unit, Bytes (&out)[kPieces][4], F map) {
    nibbles_of(unit, out);
    GANNET_UNROLL
    for (int i = 0; i < 4 * kPieces; ++i) out[i / 4][i % 4] = map(out[i / 4][i % 4]);
  }
#endif
  // The fifth bits of Q5_0 and Q5_1.
  static GANNET_INLINE Bytes five_bits(const uint8_t* unit, int step) {
#if defined(__AVX512F__)
    const uint64_t bits = block(unit, 2 * step).qh | static_cast<uint64_t>(block(unit, 2 * step + 1).qh)
                                                         << 32;
#else
    const uint64_t bits = block(unit, step).qh;
#endif
    return add_where(nibbles(unit, step), bits, 16);
  }
};

struct DecodeQ4_0 : Decode32<BlockQ4_0> {
  static constexpr int kBias = 8;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<32>& s, Scales<32>&) {
    s = gather_halves(unit, kBlockBytes);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) { return nibbles(unit, step); }
#if defined(__AVX2__)
  static GANNET_INLINE void unit(const uint8_t* from, Bytes (&out)[kPieces][4]) {
    nibbles_of(from, out);
  }
  static constexpr bool kHalfScales = true;
  static GANNET_INLINE void panel(const uint8_t* unit, int64_t row_bytes, uint8_t* out) {
    nibble_blocks<BlockQ4_0>(unit, row_bytes, out, [](Bytes codes) { return codes; });
  }
#endif
};

struct DecodeQ4_1 : Decode32<BlockQ4_1> {
  static constexpr int kBias = 0;
  static constexpr bool kOffsets = true;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<32>& s, Scales<32>& o) {
    s = gather_halves(unit, kBlockBytes);
    o = gather_halves(unit + 2, kBlockBytes);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) { return nibbles(unit, step); }
#if defined(__AVX2__)
  static GANNET_INLINE void unit(const uint8_t* from, Bytes (&out)[kPieces][4]) {
    nibbles_of(from, out);
  }
#endif
};

struct DecodeQ5_0 : Decode32<BlockQ5_0> {
  static constexpr int kBias = 16, kMostCode = 31;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<32>& s, Scales<32>&) {
    s = gather_halves(unit, kBlockBytes);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) { return five_bits(unit, step); }
};

struct DecodeQ5_1 : Decode32<BlockQ5_1> {
  static constexpr int kBias = 0, kMostCode = 31;
  static constexpr bool kOffsets = true;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<32>& s, Scales<32>& o) {
    s = gather_halves(unit, kBlockBytes);
    o = gather_halves(unit + 2, kBlockBytes);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) { return five_bits(unit, step); }
};

struct DecodeQ8_0 : Decode32<BlockQ8_0> {
  static constexpr int kBias = kSignedBias, kMostCode = 0;
  static constexpr bool kSigned = true;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<32>& s, Scales<32>&) {
    s = gather_halves(unit, kBlockBytes);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) {
#if defined(__AVX512F__)
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block(unit, 2 * step).qs));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block(unit, 2 * step + 1).qs));
    return from_signed(_mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1));
#else
    return from_signed(load_bytes(block(unit, step).qs));
#endif
  }
#if defined(__AVX2__)
  static constexpr bool kHalfScales = true;
  static GANNET_INLINE void panel(const uint8_t* unit, int64_t row_bytes, uint8_t* out) {
    for (int b = 0; b < 8; ++b)
      for (int half = 0; half < 2; ++half) {
        PanelBytes words[4];
        transpose_fields(unit + b * kBlockBytes + offsetof(BlockQ8_0, qs) + 16 * half, row_bytes, words);
        for (int w = 0; w < 4; ++w)
          store_bytes(out + (32 * b + 16 * half + 4 * w) * kLanes, from_signed(words[w]));
      }
  }
#endif
};

struct DecodeIQ4_NL : Decode32<BlockIQ4_NL> {
  static constexpr int kBias = kSignedBias, kMostCode = 0;
  static constexpr bool kSigned = true;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<32>& s, Scales<32>&) {
    s = gather_halves(unit, kBlockBytes);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) {
    return from_signed(table16(kKnl, nibbles(unit, step)));
  }
#if defined(__AVX2__)
  static GANNET_INLINE void unit(const uint8_t* from, Bytes (&out)[kPieces][4]) {
    nibbles_of(from, out, [](Bytes codes) { return from_signed(table16(kKnl, codes)); });
  }
  static constexpr bool kHalfScales = true;
  static GANNET_INLINE void panel(const uint8_t* unit, int64_t row_bytes, uint8_t* out) {
    nibble_blocks<BlockIQ4_NL>(unit, row_bytes, out,
                               [](Bytes codes) { return from_signed(table16(kKnl, codes)); });
  }
#endif
};

// kF4 + 12.
inline constexpr int8_t kF4Codes[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

struct DecodeMXFP4 : Decode32<BlockMXFP4> {
  static constexpr int kBias = 12, kMostCode = 24;
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<32>& s, Scales<32>&) {
    float scale[8];
    for (int i = 0; i < 8; ++i) scale[i] = mxfp4_scale(unit[i * kBlockBytes]);
    s = load_scales32(scale);
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) {
    return table16(kF4Codes, nibbles(unit, step));
  }
#if defined(__AVX2__)
  static GANNET_INLINE void unit(const uint8_t* from, Bytes (&out)[kPieces][4]) {
    nibbles_of(from, out, [](Bytes codes) { return table16(kF4Codes, codes); });
  }
  static GANNET_INLINE void panel(const uint8_t* unit, int64_t row_bytes, uint8_t* out) {
    nibble_blocks<BlockMXFP4>(unit, row_bytes, out, [](Bytes codes) { return table16(kF4Codes, codes); });
  }
#endif
};

}  // namespace gannet::GANNET_ISA_NS
