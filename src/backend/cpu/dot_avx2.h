// dot.h for AVX2 with FMA and F16C. Included through dot.h only.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "tensor/half.h"

namespace gannet::GANNET_ISA_NS {

inline constexpr int kStep = 32;
inline constexpr int kLanes = 8;
inline constexpr int kSignedBias = 0;

using Bytes = __m256i;
using Ints = __m256i;
using Acc = __m256;
using Floats = __m256;

template <int kGroup>
struct Scales;
template <>
struct Scales<32> {
  __m256 v;
};
template <>
struct Scales<16> {
  __m256 v[2];
};

// --- bytes ---

GANNET_INLINE Bytes load_bytes(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
GANNET_INLINE void store_bytes(void* p, Bytes v) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), v);
}
GANNET_INLINE Bytes splat_byte(int v) {
  return _mm256_set1_epi8(static_cast<char>(v));
}
GANNET_INLINE Bytes and_bytes(Bytes a, Bytes b) {
  return _mm256_and_si256(a, b);
}
GANNET_INLINE Bytes or_bytes(Bytes a, Bytes b) {
  return _mm256_or_si256(a, b);
}
GANNET_INLINE Bytes table16(const int8_t* table, Bytes index) {
  return _mm256_shuffle_epi8(
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table))), index);
}
// Each byte shifted right by a count known after inlining (negative: left); bits of the neighbour come in,
// the caller masks them.
GANNET_INLINE Bytes shift_right(Bytes v, int count) {
  if (count == 0) return v;
  return count > 0 ? _mm256_srlv_epi32(v, _mm256_set1_epi32(count))
                   : _mm256_sllv_epi32(v, _mm256_set1_epi32(-count));
}
// Nibbles of a 16-byte field: the low ones, then the high ones.
GANNET_INLINE Bytes nibbles16(const void* p) {
  const __m256i v = _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)));
  const __m256i counts = _mm256_set_epi32(4, 4, 4, 4, 0, 0, 0, 0);
  return _mm256_and_si256(_mm256_srlv_epi32(v, counts), _mm256_set1_epi8(15));
}
// Adds `value` where v & mask is mask (one bit per byte).
GANNET_INLINE Bytes add_where_any(Bytes codes, Bytes v, Bytes mask, int value) {
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(v, mask), mask);
  return _mm256_add_epi8(codes, _mm256_and_si256(set, splat_byte(value)));
}
// Adds `value` to the codes whose bit is set in `bits`.
GANNET_INLINE Bytes add_where(Bytes codes, uint64_t bits, int value) {
  const __m256i spread = _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0);
  const __m256i v = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int32_t>(bits)), spread);
  return add_where_any(codes, v, _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201)), value);
}
GANNET_INLINE Bytes from_signed(Bytes v) {
  return v;
}

// --- dot products ---

template <bool kSigned>
GANNET_INLINE Ints dot(Ints acc, Bytes codes, Bytes a) {
  // |w| as the unsigned side, its sign moved to a: 128 * 127 * 2 still fits 16 bits.
  const __m256i pairs = kSigned ? _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(a, codes))
                                : _mm256_maddubs_epi16(codes, a);
  return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

template <int kBias>
GANNET_INLINE Ints start(Bytes a) {
  if constexpr (kBias == 0) return _mm256_setzero_si256();
  return _mm256_madd_epi16(_mm256_maddubs_epi16(splat_byte(kBias), a), _mm256_set1_epi16(-1));
}

// --- panels: kLanes rows x 4 codes in a vector ---

using PanelBytes = Bytes;
using PanelInts = Ints;

GANNET_INLINE PanelBytes load_panel(const uint8_t* p) {
  return load_bytes(p);
}
template <bool kSigned>
GANNET_INLINE PanelInts panel_dot(PanelInts acc, PanelBytes codes, PanelBytes a) {
  return dot<kSigned>(acc, codes, a);
}
// Products summed in pairs, in 16 bits: the sum of several must fit where codes are small, and is widened
// once.
GANNET_INLINE Bytes panel_pairs(PanelBytes codes, PanelBytes a) {
  return _mm256_maddubs_epi16(codes, a);
}
GANNET_INLINE Bytes add_pairs(Bytes sum, Bytes pairs) {
  sum = _mm256_add_epi16(sum, pairs);
  // Or GCC turns the chain into a tree, for which there are not enough registers.
  __asm__("" : "+x"(sum));
  return sum;
}
GANNET_INLINE PanelInts add_widened(PanelInts acc, Bytes pairs) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
// Word w of the 16 bytes at p, p + stride, ... (kLanes rows) to out[w].
GANNET_INLINE void transpose_fields(const uint8_t* p, int64_t stride, PanelBytes (&out)[4]) {
  __m256i r[4];
  for (int i = 0; i < 4; ++i) {
    const auto row = [&](int n) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + n * stride)); };
    r[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(row(i)), row(4 + i), 1);
  }
  const __m256i a = _mm256_unpacklo_epi32(r[0], r[1]), b = _mm256_unpackhi_epi32(r[0], r[1]);
  const __m256i c = _mm256_unpacklo_epi32(r[2], r[3]), d = _mm256_unpackhi_epi32(r[2], r[3]);
  out[0] = _mm256_unpacklo_epi64(a, c);
  out[1] = _mm256_unpackhi_epi64(a, c);
  out[2] = _mm256_unpacklo_epi64(b, d);
  out[3] = _mm256_unpackhi_epi64(b, d);
}
GANNET_INLINE Ints zero_ints() {
  return _mm256_setzero_si256();
}
GANNET_INLINE Ints splat_int(int32_t v) {
  return _mm256_set1_epi32(v);
}
GANNET_INLINE Bytes splat4(const int8_t* p) {
  int32_t word;
  __builtin_memcpy(&word, p, 4);
  return _mm256_set1_epi32(word);
}

// --- scales ---

GANNET_INLINE float half_float(uint16_t h) {
  return _cvtsh_ss(h);
}

GANNET_INLINE Scales<32> load_scales32(const float* p) {
  return {_mm256_loadu_ps(p)};
}
GANNET_INLINE Scales<16> load_scales16(const float* p) {
  return {{_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}};
}
GANNET_INLINE void store_scales(float* p, Scales<32> s) {
  _mm256_storeu_ps(p, s.v);
}
GANNET_INLINE void store_scales(float* p, Scales<16> s) {
  _mm256_storeu_ps(p, s.v[0]);
  _mm256_storeu_ps(p + 8, s.v[1]);
}
GANNET_INLINE Scales<32> mul(Scales<32> a, Scales<32> b) {
  return {_mm256_mul_ps(a.v, b.v)};
}
GANNET_INLINE Scales<16> mul(Scales<16> a, Scales<16> b) {
  return {{_mm256_mul_ps(a.v[0], b.v[0]), _mm256_mul_ps(a.v[1], b.v[1])}};
}
GANNET_INLINE Scales<32> fma(Scales<32> a, Scales<32> b, Scales<32> c) {
  return {_mm256_fmadd_ps(a.v, b.v, c.v)};
}
GANNET_INLINE Scales<16> fma(Scales<16> a, Scales<16> b, Scales<16> c) {
  return {{_mm256_fmadd_ps(a.v[0], b.v[0], c.v[0]), _mm256_fmadd_ps(a.v[1], b.v[1], c.v[1])}};
}
GANNET_INLINE void set_zero(Scales<32>& s) {
  s.v = _mm256_setzero_ps();
}
GANNET_INLINE void set_zero(Scales<16>& s) {
  s.v[0] = s.v[1] = _mm256_setzero_ps();
}
GANNET_INLINE Scales<16> doubled(Scales<32> s) {
  return {{_mm256_permutevar8x32_ps(s.v, _mm256_set_epi32(3, 3, 2, 2, 1, 1, 0, 0)),
           _mm256_permutevar8x32_ps(s.v, _mm256_set_epi32(7, 7, 6, 6, 5, 5, 4, 4))}};
}
GANNET_INLINE Scales<32> scales_u8(uint64_t bytes, float factor) {
  const __m256i wide = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(bytes)));
  return {_mm256_mul_ps(_mm256_cvtepi32_ps(wide), _mm256_set1_ps(factor))};
}
GANNET_INLINE Scales<32> scales_i8(uint64_t bytes, float factor) {
  const __m256i wide = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(bytes)));
  return {_mm256_mul_ps(_mm256_cvtepi32_ps(wide), _mm256_set1_ps(factor))};
}
GANNET_INLINE Scales<16> scales_i8(uint64_t low, uint64_t high, float factor) {
  return {{scales_i8(low, factor).v, scales_i8(high, factor).v}};
}
GANNET_INLINE Scales<32> gather_halves(const uint8_t* p, int64_t stride) {
  const auto at = [&](int i) {
    uint16_t h;
    __builtin_memcpy(&h, p + i * stride, 2);
    return static_cast<uint64_t>(h);
  };
  const uint64_t low = at(0) | at(1) << 16 | at(2) << 32 | at(3) << 48;
  const uint64_t high = at(4) | at(5) << 16 | at(6) << 32 | at(7) << 48;
  return {_mm256_cvtph_ps(_mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low)))};
}
GANNET_INLINE Scales<32> scaled_sums(const int16_t* sums, Scales<32> d) {
  const __m256i pairs =
      _mm256_madd_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums)), _mm256_set1_epi16(1));
  return {_mm256_mul_ps(_mm256_cvtepi32_ps(pairs), d.v)};
}
GANNET_INLINE Scales<16> scaled_sums(const int16_t* sums, Scales<16> d) {
  const __m256i low = _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(sums)));
  const __m256i high = _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(sums + 8)));
  return {{_mm256_mul_ps(_mm256_cvtepi32_ps(low), d.v[0]), _mm256_mul_ps(_mm256_cvtepi32_ps(high), d.v[1])}};
}

// --- accumulation ---

GANNET_INLINE Acc add_scaled(Acc acc, Ints dots, Scales<32> s, int step) {
  return _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), _mm256_permutevar8x32_ps(s.v, _mm256_set1_epi32(step)),
                         acc);
}
GANNET_INLINE Acc add_scaled(Acc acc, Ints dots, Scales<16> s, int step) {
  const int a = 2 * step % 8, b = a + 1;
  const __m256 scale = _mm256_permutevar8x32_ps(s.v[step / 4], _mm256_set_epi32(b, b, b, b, a, a, a, a));
  return _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), scale, acc);
}
GANNET_INLINE Acc zero_acc() {
  return _mm256_setzero_ps();
}
GANNET_INLINE Acc merge(Acc acc, Scales<32> s) {
  return _mm256_add_ps(acc, s.v);
}
GANNET_INLINE Acc merge(Acc acc, Scales<16> s) {
  return _mm256_add_ps(_mm256_add_ps(acc, s.v[0]), s.v[1]);
}
GANNET_INLINE float sum_lanes(Acc acc) {
  __m256 f = _mm256_hadd_ps(acc, acc);
  f = _mm256_hadd_ps(f, f);
  return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(f), _mm256_extractf128_ps(f, 1)));
}
// The lane sums of four rows, each by the same order of additions as sum_lanes().
GANNET_INLINE void sum_lanes4(const Acc* acc, float* out) {
  const __m256 c = _mm256_hadd_ps(_mm256_hadd_ps(acc[0], acc[1]), _mm256_hadd_ps(acc[2], acc[3]));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1)));
}

// --- floats ---

GANNET_INLINE Floats load_floats(const float* p) {
  return _mm256_loadu_ps(p);
}
GANNET_INLINE void store_floats(float* p, Floats v) {
  _mm256_storeu_ps(p, v);
}
GANNET_INLINE Floats splat_float(float v) {
  return _mm256_set1_ps(v);
}
GANNET_INLINE Floats zero_floats() {
  return _mm256_setzero_ps();
}
GANNET_INLINE Floats add(Floats a, Floats b) {
  return _mm256_add_ps(a, b);
}
GANNET_INLINE Floats mul(Floats a, Floats b) {
  return _mm256_mul_ps(a, b);
}
GANNET_INLINE Floats fma(Floats a, Floats b, Floats c) {
  return _mm256_fmadd_ps(a, b, c);
}
GANNET_INLINE Floats to_floats(Ints v) {
  return _mm256_cvtepi32_ps(v);
}
GANNET_INLINE Floats load_halves(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
GANNET_INLINE Floats load_bfloats(const uint16_t* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
GANNET_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}
GANNET_INLINE void store_some(float* p, Floats v, int n) {
  _mm256_maskstore_ps(p, first_lanes(n), v);
}
GANNET_INLINE Floats load_some(const float* p, int n) {
  return _mm256_maskload_ps(p, first_lanes(n));
}

// 8 rows of 8 words, `from` words apart, to columns `to` words apart; only the first n_columns are written.
GANNET_INLINE void transpose_words(const uint32_t* in, int64_t from, uint32_t* out, int64_t to,
                                   int n_columns) {
  __m256i r[8], s[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + i * from));
  for (int i = 0; i < 8; i += 2) {
    s[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    s[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_unpacklo_epi64(s[i], s[i + 2]);
    r[i + 1] = _mm256_unpackhi_epi64(s[i], s[i + 2]);
    r[i + 2] = _mm256_unpacklo_epi64(s[i + 1], s[i + 3]);
    r[i + 3] = _mm256_unpackhi_epi64(s[i + 1], s[i + 3]);
  }
  for (int c = 0; c < 4; ++c) {
    s[c] = _mm256_permute2x128_si256(r[c], r[4 + c], 0x20);
    s[4 + c] = _mm256_permute2x128_si256(r[c], r[4 + c], 0x31);
  }
  for (int i = 0; i < 8; ++i)
    if (i < n_columns) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * to), s[i]);
}

// --- quantising ---

// 32 floats to 8 bits: scale largest / 127, sums of both halves. A value that is not finite makes the scale
// NaN.
GANNET_INLINE void quantize32(const float* x, int8_t* q, float* d, int16_t* sums) {
  __m256 v[4], largest = _mm256_setzero_ps(), odd = _mm256_setzero_ps();
  const __m256 sign = _mm256_set1_ps(-0.0f);
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_loadu_ps(x + 8 * i);
    largest = _mm256_max_ps(largest, _mm256_andnot_ps(sign, v[i]));
    odd = _mm256_or_ps(odd, _mm256_sub_ps(v[i], v[i]));  // 0, or NaN where not finite
  }
  const bool bad = _mm256_movemask_ps(_mm256_cmp_ps(odd, odd, _CMP_UNORD_Q)) != 0;
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  m = _mm_max_ss(m, _mm_movehdup_ps(m));
  const float top = _mm_cvtss_f32(m);
  const bool tiny = top < 1e-30f;
  *d = bad ? __builtin_nanf("") : tiny ? 0.0f : top / 127.0f;
  const __m256 inverse = _mm256_set1_ps(tiny || bad ? 0.0f : 127.0f / top);
  __m256i n[4];
  for (int i = 0; i < 4; ++i) n[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
  __m256i words = _mm256_packs_epi16(_mm256_packs_epi32(n[0], n[1]), _mm256_packs_epi32(n[2], n[3]));
  words = _mm256_permutevar8x32_epi32(words, _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(q), words);
  const auto total = [](__m256i a, __m256i b) {
    const __m256i s = _mm256_add_epi32(a, b);
    __m128i h = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
    h = _mm_hadd_epi32(h, h);
    return static_cast<int16_t>(_mm_cvtsi128_si32(_mm_hadd_epi32(h, h)));
  };
  sums[0] = total(n[0], n[1]);
  sums[1] = total(n[2], n[3]);
}

}  // namespace gannet::GANNET_ISA_NS
