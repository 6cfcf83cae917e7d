// Byte layouts of the block types, as packed structs laid over a row of the file, and the few facts that
// reading them takes (4-bit tables, packed sub-block scales, odd scale formats). Included by the codec and by
// kernel files of every instruction set, hence: no containers, no out-of-line functions, everything forced
// inline. Must not know about tensors, threads or kernels. What each layout means element by element is
// defined by dequantize_row() (codec.h).
//
// Field names: d, dmin, m are IEEE half floats as raw bits (f16_to_f32 of half.h widens them); qs are the
// packed codes, element order as the comments say. Structs have alignment 1: lay them over any byte address.
#pragma once

#include <bit>
#include <cstdint>

#include "tensor/grids.h"
#include "tensor/half.h"

namespace gannet {

#define GANNET_PACKED __attribute__((packed))

// --- 32 elements per block. Nibble order: element j is the low nibble of qs[j], element j + 16 the high one.
// ---

struct GANNET_PACKED BlockQ4_0 {  // d * (q - 8)
  uint16_t d;
  uint8_t qs[16];
};
struct GANNET_PACKED BlockQ4_1 {  // d * q + m
  uint16_t d, m;
  uint8_t qs[16];
};
struct GANNET_PACKED BlockQ5_0 {  // d * (q - 16); bit j of qh is the fifth bit of element j
  uint16_t d;
  uint32_t qh;
  uint8_t qs[16];
};
struct GANNET_PACKED BlockQ5_1 {  // d * q + m
  uint16_t d, m;
  uint32_t qh;
  uint8_t qs[16];
};
struct GANNET_PACKED BlockQ8_0 {  // d * q; q = -128 is legal in a file
  uint16_t d;
  int8_t qs[32];
};
struct GANNET_PACKED BlockIQ4_NL {  // d * kKnl[q]
  uint16_t d;
  uint8_t qs[16];
};
struct GANNET_PACKED BlockMXFP4 {  // mxfp4_scale(e) * kF4[q]
  uint8_t e;
  uint8_t qs[16];
};

// --- 64 and 128 elements ---

// Four sub-blocks of 16: element j of sub-block s is the low nibble of qs[8s + j], element j + 8 the high one
// (j < 8).
struct GANNET_PACKED BlockNVFP4 {  // nvfp4_scale(d[s]) * kF4[q]
  uint8_t d[4];
  uint8_t qs[32];
};
struct GANNET_PACKED BlockQ1_0 {  // 128 elements; bit j % 8 of qs[j / 8] ? d : -d
  uint16_t d;
  uint8_t qs[16];
};
struct GANNET_PACKED BlockQ2_0 {  // 64 elements; d * (q - 1), q = (qs[j / 4] >> 2 (j % 4)) & 3
  uint16_t d;
  uint8_t qs[16];
};

// --- 256 elements ("super-blocks"). Element e: n = e / 128, j = e % 128 / 32, l = e % 32; sub-blocks b as
// noted. ---

struct GANNET_PACKED BlockQ2_K {  // d * (scales[b] & 15) * q - dmin * (scales[b] >> 4), b = 8n + 2j + l / 16
  uint8_t scales[16];
  uint8_t qs[64];  // q = (qs[32n + l] >> 2j) & 3
  uint16_t d, dmin;
};
struct GANNET_PACKED BlockQ3_K {  // d * q3k_scale(scales, b) * (q - (h ? 0 : 4)), b as Q2_K
  uint8_t hmask[32];              // h = bit 4n + j of hmask[l]
  uint8_t qs[64];                 // q as Q2_K
  uint8_t scales[12];
  uint16_t d;
};
struct GANNET_PACKED BlockQ4_K {  // d * scale * q - dmin * min, k4_scale_min(scales, b), b = e / 32
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t qs[128];  // q = nibble b & 1 of qs[32 (b / 2) + l]
};
struct GANNET_PACKED BlockQ5_K {  // as Q4_K, bit b of qh[l] is the fifth bit
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t qh[32];
  uint8_t qs[128];
};
struct GANNET_PACKED BlockQ6_K {  // d * scales[b] * ((lo | hi << 4) - 32), b = 8n + 2j + l / 16
  uint8_t ql[128];                // lo = (ql[64n + l + 32 (j & 1)] >> 4 (j >> 1)) & 15
  uint8_t qh[64];                 // hi = (qh[32n + l] >> 2j) & 3
  int8_t scales[16];
  uint16_t d;
};
struct GANNET_PACKED BlockIQ4_XS {  // d * (iq4xs_scale(block, b)) * kKnl[q], b = e / 32
  uint16_t d;
  uint16_t scales_h;
  uint8_t scales_l[4];
  uint8_t qs[128];  // 16 bytes per sub-block, nibble order of the 32-element types
};
struct GANNET_PACKED BlockTQ1_0 {  // d * (trit - 1); see tq1_trit() and dequantize_row() for the order
  uint8_t qs[48];
  uint8_t qh[4];
  uint16_t d;
};
struct GANNET_PACKED
    BlockTQ2_0 {  // d * (((qs[32h + m] >> 2l) & 3) - 1) for h < 2, l < 4, m < 32 in this order
  uint8_t qs[64];
  uint16_t d;
};

// --- Grid types, 256 elements: sub-block b = e / 32, group of eight l = e % 32 / 8. Bit i of a sign byte
// negates element i of the group. ---

struct GANNET_PACKED BlockIQ2_XXS {  // d * (0.5 + (w >> 28)) * 0.25 * +-kGridIq2xxs[idx[l]]
  uint16_t d;
  struct GANNET_PACKED {
    uint8_t idx[4];
    uint32_t w;  // signs of group l: kEvenSigns[(w >> 7l) & 127]
  } sub[8];
};
struct GANNET_PACKED
    BlockIQ2_XS {  // d * (0.5 + s) * 0.25 * +-kGridIq2xs[q & 511], s = nibble l / 2 of scales[b]
  uint16_t d;
  uint16_t qs[32];  // q = qs[4b + l], signs kEvenSigns[q >> 9]
  uint8_t scales[8];
};
struct GANNET_PACKED BlockIQ2_S {  // scale as IQ2_XS, grid kGridIq2s
  uint16_t d;
  uint8_t qs[32];     // index = qs[4b + l] | ((qh[b] >> 2l) & 3) << 8
  uint8_t signs[32];  // sign byte of group 4b + l
  uint8_t qh[8];
  uint8_t scales[8];
};
struct GANNET_PACKED
    BlockIQ3_XXS {  // d * (0.5 + (w >> 28)) * 0.5 * +-(kGridIq3xxs of qs[8b + 2l], then of the next)
  uint16_t d;
  uint8_t qs[64];
  uint32_t w[8];  // signs as IQ2_XXS
};
struct GANNET_PACKED BlockIQ3_S {  // d * (1 + 2s) * +-kGridIq3s, s = nibble b % 2 of scales[b / 2]
  uint16_t d;
  uint8_t qs[64];  // index of the t-th four = qs[8b + t] | ((qh[b] >> t) & 1) << 8
  uint8_t qh[8];
  uint8_t signs[32];
  uint8_t scales[4];
};
struct GANNET_PACKED BlockIQ1_S {  // d * (2 ((qh >> 12) & 7) + 1) * (kGridIq1 + (qh >> 15 ? -1/8 : +1/8))
  uint16_t d;
  uint8_t qs[32];  // index = qs[4b + l] | ((qh[b] >> 3l) & 7) << 8
  uint16_t qh[8];
};
struct GANNET_PACKED
    BlockIQ1_M {       // iq1m_d() * (2 s + 1) * (kGridIq1 + (h & 8 ? -1/8 : +1/8)); group t = e / 8
  uint8_t qs[32];      // index = qs[t] | (h & 7) << 8
  uint8_t qh[16];      // h = nibble t % 2 of qh[t / 2]
  uint16_t scales[4];  // s of the 16-block u = t / 2: (scales[u / 4] >> 3 (u % 4)) & 7; top nibbles are d
};

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_0) == 22);
static_assert(sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34 && sizeof(BlockIQ4_NL) == 18);
static_assert(sizeof(BlockMXFP4) == 17 && sizeof(BlockNVFP4) == 36 && sizeof(BlockQ1_0) == 18);
static_assert(sizeof(BlockQ2_0) == 18 && sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110);
static_assert(sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176 && sizeof(BlockQ6_K) == 210);
static_assert(sizeof(BlockIQ4_XS) == 136 && sizeof(BlockTQ1_0) == 54 && sizeof(BlockTQ2_0) == 66);
static_assert(sizeof(BlockIQ2_XXS) == 66 && sizeof(BlockIQ2_XS) == 74 && sizeof(BlockIQ2_S) == 82);
static_assert(sizeof(BlockIQ3_XXS) == 98 && sizeof(BlockIQ3_S) == 110);
static_assert(sizeof(BlockIQ1_S) == 50 && sizeof(BlockIQ1_M) == 56);

// Values of the 4-bit non-linear code (IQ4_NL, IQ4_XS).
inline constexpr int8_t kKnl[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// Twice the value of an E2M1 code (MXFP4, NVFP4), so that all are integers; code 8, minus zero, is plain
// zero.
inline constexpr int8_t kF4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// Half the E8M0 scale 2^(e - 127), because kF4 is doubled. 255 is not a number in the format; it reads as
// 2^127 here and find_bad_block() reports it.
GANNET_INLINE float mxfp4_scale(uint8_t e) {
  return std::bit_cast<float>(e < 2 ? 0x00200000u << e : static_cast<uint32_t>(e - 1) << 23);
}

// Half the UE4M3 scale, because kF4 is doubled. 0x7F means zero; bit 7 is ignored, find_bad_block() reports
// it.
GANNET_INLINE float nvfp4_scale(uint8_t x) {
  const uint32_t exponent = (x >> 3) & 15u, mantissa = x & 7u;
  if (x == 0x7F) return 0.0f;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
  return std::bit_cast<float>(((exponent + 119) << 23) | (mantissa << 20));
}

// 6-bit scale of sub-block b < 16 of a Q3_K block, -32 to 31.
GANNET_INLINE int q3k_scale(const uint8_t* scales, int b) {
  const int low = b < 8 ? scales[b] & 15 : scales[b - 8] >> 4;
  const int high = (scales[8 + b % 4] >> (2 * (b / 4))) & 3;
  return (low | (high << 4)) - 32;
}

struct ScaleMin {
  uint8_t scale, min;
};
// 6-bit scale and minimum of sub-block b < 8 of a Q4_K or Q5_K block.
GANNET_INLINE ScaleMin k4_scale_min(const uint8_t* scales, int b) {
  if (b < 4) return {static_cast<uint8_t>(scales[b] & 63), static_cast<uint8_t>(scales[b + 4] & 63)};
  return {static_cast<uint8_t>((scales[b + 4] & 15) | ((scales[b - 4] >> 6) << 4)),
          static_cast<uint8_t>((scales[b + 4] >> 4) | ((scales[b] >> 6) << 4))};
}

// Scale of sub-block b < 8 of an IQ4_XS block, -32 to 31.
GANNET_INLINE int iq4xs_scale(const BlockIQ4_XS& block, int b) {
  const int low = (block.scales_l[b / 2] >> (4 * (b % 2))) & 15;
  const int high = (block.scales_h >> (2 * b)) & 3;
  return (low | (high << 4)) - 32;
}

// Half-float bits of an IQ1_M block's scale, gathered from the top nibbles of the four scale words.
GANNET_INLINE uint16_t iq1m_d(const BlockIQ1_M& block) {
  return static_cast<uint16_t>((block.scales[0] >> 12) | ((block.scales[1] >> 8) & 0x00F0) |
                               ((block.scales[2] >> 4) & 0x0F00) | (block.scales[3] & 0xF000));
}

// Trit n < 5 of a TQ1_0 byte: 0, 1 or 2.
GANNET_INLINE int tq1_trit(uint8_t byte, int n) {
  constexpr uint8_t kPow3[5] = {1, 3, 9, 27, 81};
  return (static_cast<uint8_t>(byte * kPow3[n]) * 3) >> 8;
}

}  // namespace gannet
