// dot.h for AVX2 with FMA and F16C. Included through dot.h only.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "tensor/half.h"

namespace gannet::GANNET_ISA_NS {

inline constexpr int kStep = 32;
inline constexpr int kPieces = 2;
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

// dot() of the four words of kStep / 4 groups. Sums of pairs fit 16 bits while codes are small.
template <bool kSigned, int kMostCode>
GANNET_INLINE Ints dot_words(Ints acc, const Bytes (&codes)[4], const Bytes (&a)[4]) {
  constexpr int kFit = kMostCode > 0 ? 32767 / (2 * 127 * kMostCode) : 1;
  if constexpr (kFit >= 2) {
    __m256i low =
        _mm256_add_epi16(_mm256_maddubs_epi16(codes[0], a[0]), _mm256_maddubs_epi16(codes[1], a[1]));
    __m256i high =
        _mm256_add_epi16(_mm256_maddubs_epi16(codes[2], a[2]), _mm256_maddubs_epi16(codes[3], a[3]));
    if constexpr (kFit >= 4) {
      low = _mm256_add_epi16(low, high);
    } else {
      acc = _mm256_add_epi32(acc, _mm256_madd_epi16(high, _mm256_set1_epi16(1)));
    }
    return _mm256_add_epi32(acc, _mm256_madd_epi16(low, _mm256_set1_epi16(1)));
  }
  for (int word = 0; word < 4; ++word) acc = dot<kSigned>(acc, codes[word], a[word]);
  return acc;
}

// The Ints that dot_words() starts from for the groups of piece `piece`.
template <int kBias>
GANNET_INLINE Ints start(const int16_t* sums, int piece) {
  if constexpr (kBias == 0) return _mm256_setzero_si256();
  const __m128i* from = reinterpret_cast<const __m128i*>(sums + 8 * piece);
  return _mm256_mullo_epi32(_mm256_cvtepi16_epi32(_mm_loadu_si128(from)), _mm256_set1_epi32(-kBias));
}

// --- order of a unit ---

// Within each chunk of 16 bytes, words being 4 of them:
GANNET_INLINE Bytes low_words(Bytes a, Bytes b) {  // a0 b0 a1 b1
  return _mm256_unpacklo_epi32(a, b);
}
GANNET_INLINE Bytes high_words(Bytes a, Bytes b) {  // a2 b2 a3 b3
  return _mm256_unpackhi_epi32(a, b);
}
GANNET_INLINE Bytes low_pairs(Bytes a, Bytes b) {  // a0 a1 b0 b1
  return _mm256_unpacklo_epi64(a, b);
}
GANNET_INLINE Bytes high_pairs(Bytes a, Bytes b) {  // a2 a3 b2 b3
  return _mm256_unpackhi_epi64(a, b);
}
template <int kWord>
GANNET_INLINE Bytes twice_word(Bytes a, Bytes b) {  // a b at kWord: a a b b
  return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), kWord * 0x55));
}
GANNET_INLINE Bytes high_nibbles(Bytes v) {
  return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}
// Low nibbles of words 0 and 2 of each chunk, high ones of words 1 and 3.
GANNET_INLINE Bytes alternate_nibbles(Bytes v) {
  const __m256i counts = _mm256_set1_epi64x(int64_t{4} << 32);
  return _mm256_and_si256(_mm256_srlv_epi32(v, counts), _mm256_set1_epi8(15));
}
GANNET_INLINE Bytes in_all_chunks(const void* p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
// Chunks `stride` bytes apart.
GANNET_INLINE Bytes load_chunks(const uint8_t* p, int64_t stride) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
                                 _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + stride)), 1);
}
// Every second chunk from p on, and those between.
GANNET_INLINE void load_alternate(const uint8_t* p, Bytes& even, Bytes& odd) {
  const __m256i a = load_bytes(p), b = load_bytes(p + 32);
  even = _mm256_permute2x128_si256(a, b, 0x20);
  odd = _mm256_permute2x128_si256(a, b, 0x31);
}

// A unit of codes in element order, rearranged as activations lie.
GANNET_INLINE void words_outermost(const Bytes (&in)[8], Bytes (&out)[2][4]) {
  for (int p = 0; p < 2; ++p) {  // of groups a .. a + 7: {a, a + 4}, {a + 1, a + 5}, ...
    const __m256i a = _mm256_permute2x128_si256(in[4 * p], in[4 * p + 2], 0x20),
                  b = _mm256_permute2x128_si256(in[4 * p], in[4 * p + 2], 0x31),
                  c = _mm256_permute2x128_si256(in[4 * p + 1], in[4 * p + 3], 0x20),
                  d = _mm256_permute2x128_si256(in[4 * p + 1], in[4 * p + 3], 0x31);
    const __m256i ab0 = _mm256_unpacklo_epi32(a, b), ab1 = _mm256_unpackhi_epi32(a, b);
    const __m256i cd0 = _mm256_unpacklo_epi32(c, d), cd1 = _mm256_unpackhi_epi32(c, d);
    out[p][0] = _mm256_unpacklo_epi64(ab0, cd0);
    out[p][1] = _mm256_unpackhi_epi64(ab0, cd0);
    out[p][2] = _mm256_unpacklo_epi64(ab1, cd1);
    out[p][3] = _mm256_unpackhi_epi64(ab1, cd1);
  }
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
GANNET_INLINE Scales<16> mul(Scales<16> a, Scales<16> b) {
  return {{_mm256_mul_ps(a.v[0], b.v[0]), _mm256_mul_ps(a.v[1], b.v[1])}};
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
  uint64_t low = at(0) | at(1) << 16 | at(2) << 32 | at(3) << 48;
  uint64_t high = at(4) | at(5) << 16 | at(6) << 32 | at(7) << 48;
  // Or GCC gathers them in vectors, whose units have enough to do.
  __asm__("" : "+r"(low), "+r"(high));
  return {_mm256_cvtph_ps(_mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low)))};
}
GANNET_INLINE Scales<16> scaled_sums(const int16_t* sums, Scales<16> d) {
  const __m256i low = _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(sums)));
  const __m256i high = _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(sums + 8)));
  return {{_mm256_mul_ps(_mm256_cvtepi32_ps(low), d.v[0]), _mm256_mul_ps(_mm256_cvtepi32_ps(high), d.v[1])}};
}

// --- accumulation ---

// acc + dots * the scales of the groups of piece `piece`.
GANNET_INLINE Acc add_scaled(Acc acc, Ints dots, Scales<16> s, int piece) {
  return _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), s.v[piece], acc);
}
GANNET_INLINE Acc add_products(Acc acc, Scales<16> a, Scales<16> b) {
  return _mm256_fmadd_ps(a.v[1], b.v[1], _mm256_fmadd_ps(a.v[0], b.v[0], acc));
}
GANNET_INLINE Acc zero_acc() {
  return _mm256_setzero_ps();
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
  store_words(q, _mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
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
