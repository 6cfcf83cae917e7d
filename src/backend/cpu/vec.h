// Float vectors of the widest kind that the translation unit is compiled for, in the namespace of its
// instruction set: VF holds kLanes floats and supports + - * / directly. Only for kernel files
// (src/ops/*/*.cpp compiled per instruction set); everything is forced inline so that no copy of one
// instruction set can be linked into another.
//
// exp: relative error below 2 ulp over the whole range, subnormal results included; above 88.73 +inf, below
// -104 zero, NaN stays NaN. sigmoid, silu and softplus follow from it with one division. Method: x = n ln 2 +
// r, |r| <= ln(2)/2, and 1 + r + r^2 q(r) with q the interpolant of degree 4 in the Chebyshev nodes (relative
// error 1.1e-8).
#pragma once

#include <cstdint>

#include "tensor/half.h"

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#else
#error "vec.h needs AVX2, AVX-512 or NEON"
#endif

namespace gannet::GANNET_ISA_NS {

#if defined(__AVX512F__)

using VF = __m512;
inline constexpr int kLanes = 16;

GANNET_INLINE VF splat(float x) {
  return _mm512_set1_ps(x);
}
GANNET_INLINE VF load(const float* p) {
  return _mm512_loadu_ps(p);
}
GANNET_INLINE void store(float* p, VF v) {
  _mm512_storeu_ps(p, v);
}
GANNET_INLINE __mmask16 first_lanes(int64_t n) {
  return static_cast<__mmask16>((1u << n) - 1);
}
// The first n < kLanes floats, zero behind; nothing beyond them is touched.
GANNET_INLINE VF load_part(const float* p, int64_t n) {
  return _mm512_maskz_loadu_ps(first_lanes(n), p);
}
GANNET_INLINE void store_part(float* p, VF v, int64_t n) {
  _mm512_mask_storeu_ps(p, first_lanes(n), v);
}
// a * b + c and c - a * b, rounded once.
GANNET_INLINE VF fma(VF a, VF b, VF c) {
  return _mm512_fmadd_ps(a, b, c);
}
GANNET_INLINE VF fnma(VF a, VF b, VF c) {
  return _mm512_fnmadd_ps(a, b, c);
}
// When an element of b is NaN, the result is NaN.
GANNET_INLINE VF max(VF a, VF b) {
  return _mm512_max_ps(a, b);
}
GANNET_INLINE VF min(VF a, VF b) {
  return _mm512_min_ps(a, b);
}
GANNET_INLINE VF round_nearest(VF a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// p * 2^n for integral n, gradual underflow included.
GANNET_INLINE VF scale_by_power(VF p, VF n) {
  return _mm512_scalef_ps(p, n);
}
GANNET_INLINE float reduce_add(VF v) {
  return _mm512_reduce_add_ps(v);
}
GANNET_INLINE float reduce_max(VF v) {
  return _mm512_reduce_max_ps(v);
}
// Lane i of the result is the sum of v[i]: much cheaper than kLanes separate sums.
GANNET_INLINE VF sums_of(const VF* v) {
  VF quarter[8], row[4];  // after the first step 128-bit lanes hold (v[a], v[a], v[b], v[b]), after the
                          // second (4 vectors)
  for (int i = 0; i < 8; ++i) {
    const VF a = v[(2 * i) / 4 + 4 * ((2 * i) % 4)], b = v[(2 * i + 1) / 4 + 4 * ((2 * i + 1) % 4)];
    quarter[i] = _mm512_shuffle_f32x4(a, b, 0x88) + _mm512_shuffle_f32x4(a, b, 0xDD);
  }
  for (int i = 0; i < 4; ++i)
    row[i] = _mm512_shuffle_f32x4(quarter[2 * i], quarter[2 * i + 1], 0x88) +
             _mm512_shuffle_f32x4(quarter[2 * i], quarter[2 * i + 1], 0xDD);
  const VF x = _mm512_unpacklo_ps(row[0], row[1]) + _mm512_unpackhi_ps(row[0], row[1]);
  const VF y = _mm512_unpacklo_ps(row[2], row[3]) + _mm512_unpackhi_ps(row[2], row[3]);
  return _mm512_shuffle_ps(x, y, 0x44) + _mm512_shuffle_ps(x, y, 0xEE);
}
GANNET_INLINE VF load_f16(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
GANNET_INLINE VF load_bf16(const uint16_t* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
GANNET_INLINE VF load_i8(const int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
// x where a <= b, else `other`.
GANNET_INLINE VF select_le(VF a, VF b, VF x, VF other) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LE_OQ), other, x);
}
GANNET_INLINE void store_f16(uint16_t* p, VF v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

#elif defined(__AVX2__)

using VF = __m256;
inline constexpr int kLanes = 8;

GANNET_INLINE VF splat(float x) {
  return _mm256_set1_ps(x);
}
GANNET_INLINE VF load(const float* p) {
  return _mm256_loadu_ps(p);
}
GANNET_INLINE void store(float* p, VF v) {
  _mm256_storeu_ps(p, v);
}
GANNET_INLINE __m256i first_lanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
GANNET_INLINE VF load_part(const float* p, int64_t n) {
  return _mm256_maskload_ps(p, first_lanes(n));
}
GANNET_INLINE void store_part(float* p, VF v, int64_t n) {
  _mm256_maskstore_ps(p, first_lanes(n), v);
}
GANNET_INLINE VF fma(VF a, VF b, VF c) {
  return _mm256_fmadd_ps(a, b, c);
}
GANNET_INLINE VF fnma(VF a, VF b, VF c) {
  return _mm256_fnmadd_ps(a, b, c);
}
GANNET_INLINE VF max(VF a, VF b) {
  return _mm256_max_ps(a, b);
}
GANNET_INLINE VF min(VF a, VF b) {
  return _mm256_min_ps(a, b);
}
GANNET_INLINE VF round_nearest(VF a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
GANNET_INLINE VF power_of_two(__m256i n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
GANNET_INLINE VF scale_by_power(VF p, VF n) {
  // In two factors, each an ordinary number, so that results near both ends of the range come out right.
  const __m256i whole = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  return p * power_of_two(half) * power_of_two(_mm256_sub_epi32(whole, half));
}
GANNET_INLINE float reduce_add(VF v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
GANNET_INLINE float reduce_max(VF v) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
GANNET_INLINE VF sums_of(const VF* v) {
  const VF a = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
  const VF b = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
  return _mm256_permute2f128_ps(a, b, 0x20) + _mm256_permute2f128_ps(a, b, 0x31);
}
GANNET_INLINE VF load_f16(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
GANNET_INLINE VF load_bf16(const uint16_t* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
GANNET_INLINE VF load_i8(const int8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
GANNET_INLINE VF select_le(VF a, VF b, VF x, VF other) {
  return _mm256_blendv_ps(other, x, _mm256_cmp_ps(a, b, _CMP_LE_OQ));
}
GANNET_INLINE void store_f16(uint16_t* p, VF v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

#else  // NEON

using VF = float32x4_t;
inline constexpr int kLanes = 4;

GANNET_INLINE VF splat(float x) {
  return vdupq_n_f32(x);
}
GANNET_INLINE VF load(const float* p) {
  return vld1q_f32(p);
}
GANNET_INLINE void store(float* p, VF v) {
  vst1q_f32(p, v);
}
GANNET_INLINE VF load_part(const float* p, int64_t n) {
  float lanes[4] = {0, 0, 0, 0};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return vld1q_f32(lanes);
}
GANNET_INLINE void store_part(float* p, VF v, int64_t n) {
  float lanes[4];
  vst1q_f32(lanes, v);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}
GANNET_INLINE VF fma(VF a, VF b, VF c) {
  return vfmaq_f32(c, a, b);
}
GANNET_INLINE VF fnma(VF a, VF b, VF c) {
  return vfmsq_f32(c, a, b);
}
GANNET_INLINE VF max(VF a, VF b) {
  return vmaxq_f32(a, b);
}
GANNET_INLINE VF min(VF a, VF b) {
  return vminq_f32(a, b);
}
GANNET_INLINE VF round_nearest(VF a) {
  return vrndnq_f32(a);
}
GANNET_INLINE VF power_of_two(int32x4_t n) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}
GANNET_INLINE VF scale_by_power(VF p, VF n) {
  const int32x4_t whole = vcvtnq_s32_f32(n);
  const int32x4_t half = vshrq_n_s32(whole, 1);
  return p * power_of_two(half) * power_of_two(vsubq_s32(whole, half));
}
GANNET_INLINE float reduce_add(VF v) {
  return vaddvq_f32(v);
}
GANNET_INLINE float reduce_max(VF v) {
  return vmaxvq_f32(v);
}
GANNET_INLINE VF sums_of(const VF* v) {
  return vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3]));
}
GANNET_INLINE VF load_f16(const uint16_t* p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
GANNET_INLINE VF load_bf16(const uint16_t* p) {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
GANNET_INLINE VF load_i8(const int8_t* p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof(four));
  const int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}
GANNET_INLINE VF select_le(VF a, VF b, VF x, VF other) {
  return vbslq_f32(vcleq_f32(a, b), x, other);
}
GANNET_INLINE void store_f16(uint16_t* p, VF v) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v)));
}

#endif

GANNET_INLINE VF exp(VF x) {
  x = max(splat(-104.0f), min(splat(89.0f), x));  // keeps NaN
  const VF n = round_nearest(x * splat(1.44269504f));
  VF r = fnma(n, splat(0x1.62e43p-1f), x);
  r = fnma(n, splat(-1.904654323148236e-09f), r);
  VF q = splat(0.0013926926613654f);
  q = fma(q, r, splat(0.0083637738744073f));
  q = fma(q, r, splat(0.0416665501103087f));
  q = fma(q, r, splat(0.1666657338190085f));
  q = fma(q, r, splat(0.5f));
  const VF p = fma(q, r * r, r) + splat(1.0f);
  return scale_by_power(p, n);
}

GANNET_INLINE VF sigmoid(VF x) {
  return splat(1.0f) / (splat(1.0f) + exp(splat(0.0f) - x));
}
GANNET_INLINE VF silu(VF x) {
  return x / (splat(1.0f) + exp(splat(0.0f) - x));
}

// log(1 + exp(x)), a few ulp for every x: max(x, 0) + log1p(t) with t = exp(-|x|) <= 1, and log1p(t) = 2
// artanh(s) with s = t / (2 + t) <= 1/3, whose series is short.
GANNET_INLINE VF softplus(VF x) {
  const VF t = exp(min(x, splat(0.0f) - x));
  const VF s = t / (splat(2.0f) + t), s2 = s * s;
  VF q = splat(1.0f / 15);
  q = fma(q, s2, splat(1.0f / 13));
  q = fma(q, s2, splat(1.0f / 11));
  q = fma(q, s2, splat(1.0f / 9));
  q = fma(q, s2, splat(1.0f / 7));
  q = fma(q, s2, splat(1.0f / 5));
  q = fma(q, s2, splat(1.0f / 3));
  return max(splat(0.0f), x) + fma(s + s, q * s2, s + s);
}

// The same functions for one number, so that a result does not depend on where in a row it lies.
GANNET_INLINE float first_lane(VF v) {
  float lanes[kLanes];
  store(lanes, v);
  return lanes[0];
}
GANNET_INLINE float exp(float x) {
  return first_lane(exp(splat(x)));
}
GANNET_INLINE float sigmoid(float x) {
  return first_lane(sigmoid(splat(x)));
}

}  // namespace gannet::GANNET_ISA_NS
