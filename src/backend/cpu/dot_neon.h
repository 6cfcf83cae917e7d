// dot.h for 64-bit ARM with the dot product extension. Included through dot.h only.
#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "tensor/half.h"

namespace gannet::GANNET_ISA_NS {

inline constexpr int kStep = 32;
inline constexpr int kPieces = 2;
inline constexpr int kLanes = 4;
inline constexpr int kSignedBias = 0;

struct Bytes {  // 32 of them, signed or unsigned as the use says
  int8x16_t v[2];
};
struct Ints {
  int32x4_t v[2];
};
using Acc = float32x4_t;
using Floats = float32x4_t;

template <int kGroup>
struct Scales {
  float32x4_t v[64 / kGroup];
};

// --- bytes ---

GANNET_INLINE uint8x16_t u8(int8x16_t v) {
  return vreinterpretq_u8_s8(v);
}
GANNET_INLINE int8x16_t s8(uint8x16_t v) {
  return vreinterpretq_s8_u8(v);
}

GANNET_INLINE Bytes load_bytes(const void* p) {
  const auto* b = static_cast<const int8_t*>(p);
  return {{vld1q_s8(b), vld1q_s8(b + 16)}};
}
GANNET_INLINE void store_bytes(void* p, Bytes b) {
  vst1q_s8(static_cast<int8_t*>(p), b.v[0]);
  vst1q_s8(static_cast<int8_t*>(p) + 16, b.v[1]);
}
GANNET_INLINE Bytes splat_byte(int b) {
  const int8x16_t v = vdupq_n_s8(static_cast<int8_t>(b));
  return {{v, v}};
}
GANNET_INLINE Bytes and_bytes(Bytes a, Bytes b) {
  return {{vandq_s8(a.v[0], b.v[0]), vandq_s8(a.v[1], b.v[1])}};
}
GANNET_INLINE Bytes or_bytes(Bytes a, Bytes b) {
  return {{vorrq_s8(a.v[0], b.v[0]), vorrq_s8(a.v[1], b.v[1])}};
}
GANNET_INLINE Bytes table16(const int8_t* table, Bytes index) {
  const int8x16_t t = vld1q_s8(table);
  return {{vqtbl1q_s8(t, u8(index.v[0])), vqtbl1q_s8(t, u8(index.v[1]))}};
}
// Each byte shifted right by a count known after inlining (negative: left).
GANNET_INLINE Bytes shift_right(Bytes b, int count) {
  if (count == 0) return b;
  const int8x16_t by = vdupq_n_s8(static_cast<int8_t>(-count));
  return {{s8(vshlq_u8(u8(b.v[0]), by)), s8(vshlq_u8(u8(b.v[1]), by))}};
}
// Nibbles of a 16-byte field: the low ones, then the high ones.
GANNET_INLINE Bytes nibbles16(const void* p) {
  const uint8x16_t v = vld1q_u8(static_cast<const uint8_t*>(p));
  return {{s8(vandq_u8(v, vdupq_n_u8(15))), s8(vshrq_n_u8(v, 4))}};
}
// Adds `value` where v & mask is not zero.
GANNET_INLINE Bytes add_where_any(Bytes codes, Bytes v, Bytes mask, int value) {
  const uint8x16_t n = vdupq_n_u8(static_cast<uint8_t>(value));
  Bytes r;
  for (int i = 0; i < 2; ++i) r.v[i] = s8(vaddq_u8(u8(codes.v[i]), vandq_u8(vtstq_s8(v.v[i], mask.v[i]), n)));
  return r;
}
// Adds `value` to the codes whose bit is set in `bits`.
GANNET_INLINE Bytes add_where(Bytes codes, uint64_t bits, int value) {
  const auto byte = [&](int i) { return vdup_n_s8(static_cast<int8_t>(bits >> (8 * i))); };
  const Bytes v{{vcombine_s8(byte(0), byte(1)), vcombine_s8(byte(2), byte(3))}};
  const int8x16_t mask = vreinterpretq_s8_u64(vdupq_n_u64(0x8040201008040201));
  return add_where_any(codes, v, {{mask, mask}}, value);
}
GANNET_INLINE Bytes from_signed(Bytes v) {
  return v;
}

// --- dot products ---

template <bool kSigned>
GANNET_INLINE Ints dot(Ints acc, Bytes codes, Bytes a) {
  return {{vdotq_s32(acc.v[0], codes.v[0], a.v[0]), vdotq_s32(acc.v[1], codes.v[1], a.v[1])}};
}
GANNET_INLINE Ints zero_ints() {
  return {{vdupq_n_s32(0), vdupq_n_s32(0)}};
}
// dot() of the four words of kStep / 4 groups. kMostCode: see decode_32.h.
template <bool kSigned, int kMostCode>
GANNET_INLINE Ints dot_words(Ints acc, const Bytes (&codes)[4], const Bytes (&a)[4]) {
  for (int word = 0; word < 4; ++word) acc = dot<kSigned>(acc, codes[word], a[word]);
  return acc;
}
// The Ints that dot_words() starts from for the groups of piece `piece`.
template <int kBias>
GANNET_INLINE Ints start(const int16_t* sums, int piece) {
  if constexpr (kBias == 0) return zero_ints();
  const int16x8_t of = vld1q_s16(sums + 8 * piece);
  return {
      {vmulq_n_s32(vmovl_s16(vget_low_s16(of)), -kBias), vmulq_n_s32(vmovl_s16(vget_high_s16(of)), -kBias)}};
}

// --- order of a unit ---

// A unit of codes in element order, rearranged as activations lie.
GANNET_INLINE void words_outermost(const Bytes (&in)[8], Bytes (&out)[2][4]) {
  for (int four = 0; four < 4; ++four) {  // groups 4 four .. 4 four + 3
    const auto group = [&](int i) { return vreinterpretq_s32_s8(in[2 * four + i / 2].v[i % 2]); };
    const auto pairs = [](int32x4_t a, int32x4_t b) {
      return int64x2x2_t{{vreinterpretq_s64_s32(vzip1q_s32(a, b)), vreinterpretq_s64_s32(vzip2q_s32(a, b))}};
    };
    const int64x2x2_t ab = pairs(group(0), group(1)), cd = pairs(group(2), group(3));
    for (int word = 0; word < 4; ++word) {
      const int64x2_t a = ab.val[word / 2], c = cd.val[word / 2];
      out[four / 2][word].v[four % 2] =
          vreinterpretq_s8_s64(word % 2 == 0 ? vzip1q_s64(a, c) : vzip2q_s64(a, c));
    }
  }
}

// --- scales ---

GANNET_INLINE float half_float(uint16_t h) {
  return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(h))), 0);
}

GANNET_INLINE Scales<32> load_scales32(const float* p) {
  return {{vld1q_f32(p), vld1q_f32(p + 4)}};
}
GANNET_INLINE Scales<16> load_scales16(const float* p) {
  return {{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}
template <int G>
GANNET_INLINE void store_scales(float* p, Scales<G> s) {
  for (int i = 0; i < 64 / G; ++i) vst1q_f32(p + 4 * i, s.v[i]);
}
template <int G>
GANNET_INLINE Scales<G> mul(Scales<G> a, Scales<G> b) {
  Scales<G> r;
  for (int i = 0; i < 64 / G; ++i) r.v[i] = vmulq_f32(a.v[i], b.v[i]);
  return r;
}
GANNET_INLINE Scales<16> doubled(Scales<32> s) {
  return {{vzip1q_f32(s.v[0], s.v[0]), vzip2q_f32(s.v[0], s.v[0]), vzip1q_f32(s.v[1], s.v[1]),
           vzip2q_f32(s.v[1], s.v[1])}};
}
GANNET_INLINE Scales<32> scales_u8(uint64_t bytes, float factor) {
  const uint16x8_t wide = vmovl_u8(vcreate_u8(bytes));
  return {{vmulq_n_f32(vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))), factor),
           vmulq_n_f32(vcvtq_f32_u32(vmovl_u16(vget_high_u16(wide))), factor)}};
}
GANNET_INLINE Scales<32> scales_i8(uint64_t bytes, float factor) {
  const int16x8_t wide = vmovl_s8(vcreate_s8(bytes));
  return {{vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))), factor),
           vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_high_s16(wide))), factor)}};
}
GANNET_INLINE Scales<16> scales_i8(uint64_t low, uint64_t high, float factor) {
  const Scales<32> a = scales_i8(low, factor), b = scales_i8(high, factor);
  return {{a.v[0], a.v[1], b.v[0], b.v[1]}};
}
GANNET_INLINE Scales<32> gather_halves(const uint8_t* p, int64_t stride) {
  uint16_t h[8];
  for (int i = 0; i < 8; ++i) __builtin_memcpy(&h[i], p + i * stride, 2);
  return {
      {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h))), vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h + 4)))}};
}
GANNET_INLINE Scales<16> scaled_sums(const int16_t* sums, Scales<16> d) {
  Scales<16> r;
  for (int i = 0; i < 4; ++i) r.v[i] = vmulq_f32(vcvtq_f32_s32(vmovl_s16(vld1_s16(sums + 4 * i))), d.v[i]);
  return r;
}

// --- accumulation ---

// acc + dots * the scales of the groups of piece `piece`.
GANNET_INLINE Acc add_scaled(Acc acc, Ints dots, Scales<16> s, int piece) {
  acc = vfmaq_f32(acc, vcvtq_f32_s32(dots.v[0]), s.v[2 * piece]);
  return vfmaq_f32(acc, vcvtq_f32_s32(dots.v[1]), s.v[2 * piece + 1]);
}
GANNET_INLINE Acc add_products(Acc acc, Scales<16> a, Scales<16> b) {
  for (int i = 0; i < 4; ++i) acc = vfmaq_f32(acc, a.v[i], b.v[i]);
  return acc;
}
GANNET_INLINE Acc zero_acc() {
  return vdupq_n_f32(0);
}
GANNET_INLINE float sum_lanes(Acc acc) {
  const float32x4_t pairs = vpaddq_f32(acc, acc);
  return vgetq_lane_f32(vpaddq_f32(pairs, pairs), 0);
}
GANNET_INLINE void sum_lanes4(const Acc* acc, float* out) {
  vst1q_f32(out, vpaddq_f32(vpaddq_f32(acc[0], acc[1]), vpaddq_f32(acc[2], acc[3])));
}

// --- panels: kLanes rows x 4 codes in a vector ---

using PanelBytes = int8x16_t;
using PanelInts = int32x4_t;

GANNET_INLINE PanelBytes load_panel(const uint8_t* p) {
  return vreinterpretq_s8_u8(vld1q_u8(p));
}
template <bool kSigned>
GANNET_INLINE PanelInts panel_dot(PanelInts acc, PanelBytes codes, PanelBytes a) {
  return vdotq_s32(acc, codes, a);
}
GANNET_INLINE PanelInts splat_int(int32_t v) {
  return vdupq_n_s32(v);
}
// Four activations, in every lane.
GANNET_INLINE PanelBytes splat4(const int8_t* p) {
  int32_t word;
  __builtin_memcpy(&word, p, 4);
  return vreinterpretq_s8_s32(vdupq_n_s32(word));
}
GANNET_INLINE Floats to_floats(PanelInts v) {
  return vcvtq_f32_s32(v);
}

// --- floats ---

GANNET_INLINE Floats load_floats(const float* p) {
  return vld1q_f32(p);
}
GANNET_INLINE void store_floats(float* p, Floats v) {
  vst1q_f32(p, v);
}
GANNET_INLINE Floats splat_float(float v) {
  return vdupq_n_f32(v);
}
GANNET_INLINE Floats zero_floats() {
  return vdupq_n_f32(0);
}
GANNET_INLINE Floats add(Floats a, Floats b) {
  return vaddq_f32(a, b);
}
GANNET_INLINE Floats mul(Floats a, Floats b) {
  return vmulq_f32(a, b);
}
GANNET_INLINE Floats fma(Floats a, Floats b, Floats c) {
  return vfmaq_f32(c, a, b);
}
GANNET_INLINE Floats load_halves(const uint16_t* p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
GANNET_INLINE Floats load_bfloats(const uint16_t* p) {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
GANNET_INLINE void store_some(float* p, Floats v, int n) {
  float lanes[4];
  vst1q_f32(lanes, v);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}
GANNET_INLINE Floats load_some(const float* p, int n) {
  float lanes[4] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return vld1q_f32(lanes);
}

// 4 rows of 4 words, `from` words apart, to columns `to` words apart; only the first n_columns are written.
GANNET_INLINE void transpose_words(const uint32_t* in, int64_t from, uint32_t* out, int64_t to,
                                   int n_columns) {
  const uint32x4_t a = vld1q_u32(in), b = vld1q_u32(in + from), c = vld1q_u32(in + 2 * from),
                   d = vld1q_u32(in + 3 * from);
  const uint64x2_t ab0 = vreinterpretq_u64_u32(vzip1q_u32(a, b)),
                   ab1 = vreinterpretq_u64_u32(vzip2q_u32(a, b));
  const uint64x2_t cd0 = vreinterpretq_u64_u32(vzip1q_u32(c, d)),
                   cd1 = vreinterpretq_u64_u32(vzip2q_u32(c, d));
  const uint64x2_t s[4] = {vzip1q_u64(ab0, cd0), vzip2q_u64(ab0, cd0), vzip1q_u64(ab1, cd1),
                           vzip2q_u64(ab1, cd1)};
  for (int i = 0; i < 4; ++i)
    if (i < n_columns) vst1q_u32(out + i * to, vreinterpretq_u32_u64(s[i]));
}

// --- quantising ---

// 32 floats to 8 bits, to `q` and the places that follow from it: scale largest / 127, sums of both halves. A
// value that is not finite makes the scale NaN.
GANNET_INLINE void quantize32(const float* x, int8_t* q, float* d, int16_t* sums) {
  float32x4_t v[8], largest = vdupq_n_f32(0), odd = vdupq_n_f32(0);
  for (int i = 0; i < 8; ++i) {
    v[i] = vld1q_f32(x + 4 * i);
    largest = vmaxq_f32(largest, vabsq_f32(v[i]));
    odd = vaddq_f32(odd, vsubq_f32(v[i], v[i]));  // 0, or NaN where not finite
  }
  const bool bad = vminvq_u32(vceqq_f32(odd, odd)) == 0;
  const float top = vmaxvq_f32(largest);
  const bool tiny = top < 1e-30f;
  *d = bad ? __builtin_nanf("") : tiny ? 0.0f : top / 127.0f;
  const float inverse = tiny || bad ? 0.0f : 127.0f / top;
  for (int half = 0; half < 2; ++half) {
    int32x4_t n[4];
    for (int i = 0; i < 4; ++i) n[i] = vcvtnq_s32_f32(vmulq_n_f32(v[4 * half + i], inverse));
    const int16x8_t low = vcombine_s16(vqmovn_s32(n[0]), vqmovn_s32(n[1]));
    const int16x8_t high = vcombine_s16(vqmovn_s32(n[2]), vqmovn_s32(n[3]));
    const int32x4_t words = vreinterpretq_s32_s8(vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
    for (int word = 0; word < 4; ++word) {
      const int32_t four = words[word];
      __builtin_memcpy(q + 64 * word + 4 * half, &four, 4);
    }
    sums[half] = static_cast<int16_t>(vaddvq_s32(vaddq_s32(vaddq_s32(n[0], n[1]), vaddq_s32(n[2], n[3]))));
  }
}

}  // namespace gannet::GANNET_ISA_NS
