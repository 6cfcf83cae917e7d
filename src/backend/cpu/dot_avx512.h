// dot.h for AVX-512 (F, BW, DQ, VL), with and without VNNI. Included through dot.h only.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "tensor/half.h"

namespace gannet::GANNET_ISA_NS {

inline constexpr int kStep = 64;
inline constexpr int kPieces = 1;
inline constexpr int kLanes = 16;  // floats per vector, rows per panel
#if defined(__AVX512VNNI__)
inline constexpr int kSignedBias = 128;
#else
inline constexpr int kSignedBias = 0;
#endif

using Bytes = __m512i;
using Ints = __m512i;
using Acc = __m512;
using Floats = __m512;

template <int kGroup>
struct Scales;
template <>
struct Scales<32> {
  __m256 v;
};
template <>
struct Scales<16> {
  __m512 v;
};

// --- bytes ---

GANNET_INLINE Bytes load_bytes(const void* p) {
  return _mm512_loadu_si512(p);
}
GANNET_INLINE void store_bytes(void* p, Bytes v) {
  _mm512_storeu_si512(p, v);
}
GANNET_INLINE Bytes splat_byte(int v) {
  return _mm512_set1_epi8(static_cast<char>(v));
}
GANNET_INLINE Bytes and_bytes(Bytes a, Bytes b) {
  return _mm512_and_si512(a, b);
}
GANNET_INLINE Bytes or_bytes(Bytes a, Bytes b) {
  return _mm512_or_si512(a, b);
}
GANNET_INLINE Bytes table16(const int8_t* table, Bytes index) {
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table))),
                             index);
}
// 32 bytes, twice.
GANNET_INLINE Bytes twice32(const void* p) {
  return _mm512_broadcast_i64x4(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
// Each byte shifted right by a count known after inlining (negative: left); bits of the neighbour come in,
// the caller masks them.
GANNET_INLINE Bytes shift_right(Bytes v, int count) {
  if (count == 0) return v;
  return count > 0 ? _mm512_srlv_epi32(v, _mm512_set1_epi32(count))
                   : _mm512_sllv_epi32(v, _mm512_set1_epi32(-count));
}
// The same with another count for each half; a negative count shifts left.
GANNET_INLINE Bytes shift_halves(Bytes v, int first, int second) {
  const __m512i right = _mm512_inserti64x4(_mm512_set1_epi32(first > 0 ? first : 0),
                                           _mm256_set1_epi32(second > 0 ? second : 0), 1);
  const __m512i left = _mm512_inserti64x4(_mm512_set1_epi32(first < 0 ? -first : 0),
                                          _mm256_set1_epi32(second < 0 ? -second : 0), 1);
  if (first > 0 || second > 0) v = _mm512_srlv_epi32(v, right);
  if (first < 0 || second < 0) v = _mm512_sllv_epi32(v, left);
  return v;
}
// Two bytes, each in all of its half.
GANNET_INLINE Bytes splat_halves(int first, int second) {
  return _mm512_inserti64x4(splat_byte(first), _mm256_set1_epi8(static_cast<char>(second)), 1);
}
// Nibbles of two 16-byte fields: low nibbles of the first, its high ones, then the second's.
GANNET_INLINE Bytes nibbles16(const void* first, const void* second) {
  __m512i v = _mm512_broadcast_i32x4(_mm_loadu_si128(static_cast<const __m128i*>(first)));
  v = _mm512_mask_broadcast_i32x4(v, 0xFF00, _mm_loadu_si128(static_cast<const __m128i*>(second)));
  const __m512i counts = _mm512_set_epi32(4, 4, 4, 4, 0, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0);
  return _mm512_and_si512(_mm512_srlv_epi32(v, counts), _mm512_set1_epi8(15));
}
// Adds `value` to the codes whose bit is set in `bits`.
GANNET_INLINE Bytes add_where(Bytes codes, uint64_t bits, int value) {
  return _mm512_mask_add_epi8(codes, bits, codes, splat_byte(value));
}
// Adds `value` where v & mask is not zero.
GANNET_INLINE Bytes add_where_any(Bytes codes, Bytes v, Bytes mask, int value) {
  return _mm512_mask_add_epi8(codes, _mm512_test_epi8_mask(v, mask), codes, splat_byte(value));
}
GANNET_INLINE Bytes from_signed(Bytes v) {
#if defined(__AVX512VNNI__)
  return _mm512_xor_si512(v, _mm512_set1_epi8(static_cast<char>(0x80)));
#else
  return v;
#endif
}

// --- dot products ---

template <bool kSigned>
GANNET_INLINE Ints dot(Ints acc, Bytes codes, Bytes a) {
#if defined(__AVX512VNNI__)
  return _mm512_dpbusd_epi32(acc, codes, a);
#else
  __m512i pairs;
  if constexpr (kSigned) {  // |w| as the unsigned side, its sign moved to a: 128 * 127 * 2 still fits 16 bits
    const __m512i turned = _mm512_mask_sub_epi8(a, _mm512_movepi8_mask(codes), _mm512_setzero_si512(), a);
    pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(codes), turned);
  } else {
    pairs = _mm512_maddubs_epi16(codes, a);
  }
  return _mm512_add_epi32(acc, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#endif
}

// dot() of the four words of kStep / 4 groups. kMostCode: see decode_32.h.
template <bool kSigned, int kMostCode>
GANNET_INLINE Ints dot_words(Ints acc, const Bytes (&codes)[4], const Bytes (&a)[4]) {
#if !defined(__AVX512VNNI__)
  constexpr int kFit = kMostCode > 0 ? 32767 / (2 * 127 * kMostCode) : 1;  // sums of pairs in 16 bits
  if constexpr (kFit >= 4) {
    const __m512i low =
        _mm512_add_epi16(_mm512_maddubs_epi16(codes[0], a[0]), _mm512_maddubs_epi16(codes[1], a[1]));
    const __m512i high =
        _mm512_add_epi16(_mm512_maddubs_epi16(codes[2], a[2]), _mm512_maddubs_epi16(codes[3], a[3]));
    return _mm512_add_epi32(acc, _mm512_madd_epi16(_mm512_add_epi16(low, high), _mm512_set1_epi16(1)));
  }
#endif
  for (int word = 0; word < 4; ++word) acc = dot<kSigned>(acc, codes[word], a[word]);
  return acc;
}

// The Ints that dot_words() starts from for the groups of piece `piece`.
template <int kBias>
GANNET_INLINE Ints start(const int16_t* sums, int /*piece*/) {
  if constexpr (kBias == 0) return _mm512_setzero_si512();
  return _mm512_mullo_epi32(_mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums))),
                            _mm512_set1_epi32(-kBias));
}

// --- order of a unit ---

// Within each chunk of 16 bytes, words being 4 of them:
GANNET_INLINE Bytes low_words(Bytes a, Bytes b) {  // a0 b0 a1 b1
  return _mm512_unpacklo_epi32(a, b);
}
GANNET_INLINE Bytes high_words(Bytes a, Bytes b) {  // a2 b2 a3 b3
  return _mm512_unpackhi_epi32(a, b);
}
GANNET_INLINE Bytes low_pairs(Bytes a, Bytes b) {  // a0 a1 b0 b1
  return _mm512_unpacklo_epi64(a, b);
}
GANNET_INLINE Bytes high_pairs(Bytes a, Bytes b) {  // a2 a3 b2 b3
  return _mm512_unpackhi_epi64(a, b);
}
template <int kWord>
GANNET_INLINE Bytes twice_word(Bytes a, Bytes b) {  // a b at kWord: a a b b
  return _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), kWord * 0x55));
}
GANNET_INLINE Bytes high_nibbles(Bytes v) {
  return _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(15));
}
// Low nibbles of words 0 and 2 of each chunk, high ones of words 1 and 3.
GANNET_INLINE Bytes alternate_nibbles(Bytes v) {
  const __m512i counts = _mm512_set1_epi64(int64_t{4} << 32);
  return _mm512_and_si512(_mm512_srlv_epi32(v, counts), _mm512_set1_epi8(15));
}
GANNET_INLINE Bytes in_all_chunks(const void* p) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
// Chunks `stride` bytes apart.
GANNET_INLINE Bytes load_chunks(const uint8_t* p, int64_t stride) {
  const auto at = [&](int i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i * stride)); };
  __m512i v = _mm512_inserti32x4(_mm512_castsi128_si512(at(0)), at(1), 1);
  v = _mm512_inserti32x4(v, at(2), 2);
  return _mm512_inserti32x4(v, at(3), 3);
}
// Every second chunk from p on, and those between.
GANNET_INLINE void load_alternate(const uint8_t* p, Bytes& even, Bytes& odd) {
  const __m512i a = load_bytes(p), b = load_bytes(p + 64);
  even = _mm512_shuffle_i32x4(a, b, 0x88);
  odd = _mm512_shuffle_i32x4(a, b, 0xDD);
}

// A unit of codes in element order, rearranged as activations lie.
GANNET_INLINE void words_outermost(const Bytes (&in)[4], Bytes (&out)[1][4]) {
  Bytes c[4];
  const __m512i index = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  for (int i = 0; i < 4; ++i) c[i] = _mm512_permutexvar_epi32(index, in[i]);
  const __m512i even0 = _mm512_shuffle_i32x4(c[0], c[1], 0x88), odd0 = _mm512_shuffle_i32x4(c[0], c[1], 0xDD);
  const __m512i even1 = _mm512_shuffle_i32x4(c[2], c[3], 0x88), odd1 = _mm512_shuffle_i32x4(c[2], c[3], 0xDD);
  out[0][0] = _mm512_shuffle_i32x4(even0, even1, 0x88);
  out[0][1] = _mm512_shuffle_i32x4(odd0, odd1, 0x88);
  out[0][2] = _mm512_shuffle_i32x4(even0, even1, 0xDD);
  out[0][3] = _mm512_shuffle_i32x4(odd0, odd1, 0xDD);
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
// Word w of the 16 bytes at p, p + stride, ... (kLanes rows) to out[w].
GANNET_INLINE void transpose_fields(const uint8_t* p, int64_t stride, PanelBytes (&out)[4]) {
  __m512i r[4];
  for (int i = 0; i < 4; ++i) {
    const auto row = [&](int n) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + n * stride)); };
    r[i] = _mm512_inserti32x4(_mm512_castsi128_si512(row(i)), row(4 + i), 1);
    r[i] = _mm512_inserti32x4(r[i], row(8 + i), 2);
    r[i] = _mm512_inserti32x4(r[i], row(12 + i), 3);
  }
  const __m512i a = _mm512_unpacklo_epi32(r[0], r[1]), b = _mm512_unpackhi_epi32(r[0], r[1]);
  const __m512i c = _mm512_unpacklo_epi32(r[2], r[3]), d = _mm512_unpackhi_epi32(r[2], r[3]);
  out[0] = _mm512_unpacklo_epi64(a, c);
  out[1] = _mm512_unpackhi_epi64(a, c);
  out[2] = _mm512_unpacklo_epi64(b, d);
  out[3] = _mm512_unpackhi_epi64(b, d);
}
GANNET_INLINE Ints zero_ints() {
  return _mm512_setzero_si512();
}
GANNET_INLINE Ints splat_int(int32_t v) {
  return _mm512_set1_epi32(v);
}
// Four activations, in every lane.
GANNET_INLINE Bytes splat4(const int8_t* p) {
  int32_t word;
  __builtin_memcpy(&word, p, 4);
  return _mm512_set1_epi32(word);
}

// --- scales ---

GANNET_INLINE float half_float(uint16_t h) {
  return _cvtsh_ss(h);
}

GANNET_INLINE Scales<32> load_scales32(const float* p) {
  return {_mm256_loadu_ps(p)};
}
GANNET_INLINE Scales<16> load_scales16(const float* p) {
  return {_mm512_loadu_ps(p)};
}
GANNET_INLINE void store_scales(float* p, Scales<32> s) {
  _mm256_storeu_ps(p, s.v);
}
GANNET_INLINE void store_scales(float* p, Scales<16> s) {
  _mm512_storeu_ps(p, s.v);
}
GANNET_INLINE Scales<16> mul(Scales<16> a, Scales<16> b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
GANNET_INLINE Scales<16> doubled(Scales<32> s) {
  const __m512i index = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
  return {_mm512_permutexvar_ps(index, _mm512_castps256_ps512(s.v))};
}
// factor * the 8 or 16 bytes of a packed scale field.
GANNET_INLINE Scales<32> scales_u8(uint64_t bytes, float factor) {
  const __m256i wide = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(bytes)));
  return {_mm256_mul_ps(_mm256_cvtepi32_ps(wide), _mm256_set1_ps(factor))};
}
GANNET_INLINE Scales<32> scales_i8(uint64_t bytes, float factor) {
  const __m256i wide = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(bytes)));
  return {_mm256_mul_ps(_mm256_cvtepi32_ps(wide), _mm256_set1_ps(factor))};
}
GANNET_INLINE Scales<16> scales_i8(uint64_t low, uint64_t high, float factor) {
  const __m512i wide =
      _mm512_cvtepi8_epi32(_mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low)));
  return {_mm512_mul_ps(_mm512_cvtepi32_ps(wide), _mm512_set1_ps(factor))};
}
// Eight half floats `stride` bytes apart.
GANNET_INLINE Scales<32> gather_halves(const uint8_t* p, int64_t stride) {
  const auto at = [&](int i) {
    uint16_t h;
    __builtin_memcpy(&h, p + i * stride, 2);
    return static_cast<uint64_t>(h);
  };
  uint64_t low = at(0) | at(1) << 16 | at(2) << 32 | at(3) << 48;
  uint64_t high = at(4) | at(5) << 16 | at(6) << 32 | at(7) << 48;
  // Or GCC gathers them in vectors, whose units have enough to do.
  __asm__("" : "+r"(low), "+r"(high));
  return {_mm256_cvtph_ps(_mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low)))};
}
// Sums of the quantised activations of a unit (16 sums over 16) times the block scales.
GANNET_INLINE Scales<16> scaled_sums(const int16_t* sums, Scales<16> d) {
  const __m512i wide = _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums)));
  return {_mm512_mul_ps(_mm512_cvtepi32_ps(wide), d.v)};
}

// --- accumulation ---

// acc + dots * the scales of the groups.
GANNET_INLINE Acc add_scaled(Acc acc, Ints dots, Scales<16> s, int /*piece*/) {
  return _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots), s.v, acc);
}
GANNET_INLINE Acc add_products(Acc acc, Scales<16> a, Scales<16> b) {
  return _mm512_fmadd_ps(a.v, b.v, acc);
}
GANNET_INLINE Acc zero_acc() {
  return _mm512_setzero_ps();
}
GANNET_INLINE __m256 fold(Acc acc) {
  return _mm256_add_ps(_mm512_castps512_ps256(acc), _mm512_extractf32x8_ps(acc, 1));
}
GANNET_INLINE float sum_lanes(Acc acc) {
  __m256 f = fold(acc);
  f = _mm256_hadd_ps(f, f);
  f = _mm256_hadd_ps(f, f);
  return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(f), _mm256_extractf128_ps(f, 1)));
}
// The lane sums of four rows, each by the same order of additions as sum_lanes().
GANNET_INLINE void sum_lanes4(const Acc* acc, float* out) {
  const __m256 a = _mm256_hadd_ps(fold(acc[0]), fold(acc[1])), b = _mm256_hadd_ps(fold(acc[2]), fold(acc[3]));
  const __m256 c = _mm256_hadd_ps(a, b);
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1)));
}

// --- floats ---

GANNET_INLINE Floats load_floats(const float* p) {
  return _mm512_loadu_ps(p);
}
GANNET_INLINE void store_floats(float* p, Floats v) {
  _mm512_storeu_ps(p, v);
}
GANNET_INLINE Floats splat_float(float v) {
  return _mm512_set1_ps(v);
}
GANNET_INLINE Floats zero_floats() {
  return _mm512_setzero_ps();
}
GANNET_INLINE Floats add(Floats a, Floats b) {
  return _mm512_add_ps(a, b);
}
GANNET_INLINE Floats mul(Floats a, Floats b) {
  return _mm512_mul_ps(a, b);
}
GANNET_INLINE Floats fma(Floats a, Floats b, Floats c) {
  return _mm512_fmadd_ps(a, b, c);
}
GANNET_INLINE Floats to_floats(Ints v) {
  return _mm512_cvtepi32_ps(v);
}
GANNET_INLINE Floats load_halves(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
GANNET_INLINE Floats load_bfloats(const uint16_t* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
// The first n < kLanes lanes.
GANNET_INLINE void store_some(float* p, Floats v, int n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}
GANNET_INLINE Floats load_some(const float* p, int n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}

// 16 rows of 16 words, `from` words apart, to columns `to` words apart; only the first n_columns are written.
GANNET_INLINE void transpose_words(const uint32_t* in, int64_t from, uint32_t* out, int64_t to,
                                   int n_columns) {
  __m512i r[16], s[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(in + i * from);
  for (int i = 0; i < 16; i += 2) {
    s[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    s[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(s[i], s[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(s[i], s[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(s[i + 1], s[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(s[i + 1], s[i + 3]);
  }
  // r[4 q + c]: lane l holds column 4 l + c of rows 4 q .. 4 q + 3.
  for (int c = 0; c < 4; ++c) {
    const __m512i even0 = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88),
                  odd0 = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xDD);
    const __m512i even1 = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88),
                  odd1 = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xDD);
    s[c] = _mm512_shuffle_i32x4(even0, even1, 0x88);
    s[4 + c] = _mm512_shuffle_i32x4(odd0, odd1, 0x88);
    s[8 + c] = _mm512_shuffle_i32x4(even0, even1, 0xDD);
    s[12 + c] = _mm512_shuffle_i32x4(odd0, odd1, 0xDD);
  }
  for (int i = 0; i < 16; ++i)
    if (i < n_columns) _mm512_storeu_si512(out + i * to, s[i]);
}

// --- quantising ---

// The words of two neighbouring groups where activations have them (tensor/act8.h).
GANNET_INLINE void store_words(int8_t* q, __m128i a, __m128i b) {
  const __m128i low = _mm_unpacklo_epi32(a, b), high = _mm_unpackhi_epi32(a, b);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(q), low);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(q + 64), _mm_unpackhi_epi64(low, low));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(q + 128), high);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(q + 192), _mm_unpackhi_epi64(high, high));
}

// 32 floats to 8 bits, to `q` and the places that follow from it: scale largest / 127, sums of both halves. A
// value that is not finite makes the scale NaN.
GANNET_INLINE void quantize32(const float* x, int8_t* q, float* d, int16_t* sums) {
  const __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
  const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
  const __mmask16 odd = _mm512_fpclass_ps_mask(a, 0x99) | _mm512_fpclass_ps_mask(b, 0x99);  // NaN, infinite
  const bool tiny = largest < 1e-30f;
  *d = odd ? __builtin_nanf("") : tiny ? 0.0f : largest / 127.0f;
  const __m512 inverse = _mm512_set1_ps(tiny || odd ? 0.0f : 127.0f / largest);
  // The codes of a block without a scale are 0: those that NaN gives have sums that overflow.
  const __mmask16 kept = odd ? 0 : 0xFFFF;
  const __m512i qa = _mm512_maskz_cvtps_epi32(kept, _mm512_mul_ps(a, inverse)),
                qb = _mm512_maskz_cvtps_epi32(kept, _mm512_mul_ps(b, inverse));
  store_words(q, _mm512_cvtsepi32_epi8(qa), _mm512_cvtsepi32_epi8(qb));
  sums[0] = static_cast<int16_t>(_mm512_reduce_add_epi32(qa));
  sums[1] = static_cast<int16_t>(_mm512_reduce_add_epi32(qb));
}

}  // namespace gannet::GANNET_ISA_NS
