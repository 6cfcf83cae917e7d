// Encoders of Q4_0, Q4_1, Q5_0, Q5_1. Without importance the block's extremes give the scale; with it the
// searches run, weighted by importance and by the size of the value against the variance of its whole row.
// The stored codes are the searched ones, made before the scale was rounded to half precision.
#include <algorithm>

#include "tensor/block_codec.h"
#include "tensor/encode_search.h"

namespace gannet::block_codec {
namespace {

constexpr AffineSteps kWeighedSteps = {-0.9f, 0.05f, 36, false};

void put_codes(const uint8_t* codes, uint8_t* qs) {
  for (int j = 0; j < 16; ++j) qs[j] = static_cast<uint8_t>((codes[j] & 15) | (codes[j + 16] & 15) << 4);
}

uint32_t fifth_bits(const uint8_t* codes) {
  uint32_t bits = 0;
  for (int j = 0; j < 32; ++j) bits |= static_cast<uint32_t>(codes[j] >> 4) << j;
  return bits;
}

// Codes and scale of one block of a symmetric type with 2 * half codes; the largest element maps to code 0.
float fit_symmetric(const float* x, int half, uint8_t* codes) {
  const float d = signed_peak(x, 32) / -static_cast<float>(half), inverse = inverse_or_zero(d);
  const float shift = static_cast<float>(half) + 0.5f;
  for (int j = 0; j < 32; ++j)
    codes[j] = static_cast<uint8_t>(truncate_clamped(x[j] * inverse + shift, 0, 2 * half - 1));
  return d;
}

// Codes of one block of an affine type; `min` of the result is subtracted.
AffineFit fit_affine(const float* x, int levels, uint8_t* codes) {
  float low = x[0], high = x[0];
  for (int j = 1; j < 32; ++j) low = std::min(low, x[j]), high = std::max(high, x[j]);
  const float d = (high - low) / static_cast<float>(levels), inverse = inverse_or_zero(d);
  for (int j = 0; j < 32; ++j)
    codes[j] = static_cast<uint8_t>(truncate_clamped((x[j] - low) * inverse + 0.5f, 0, levels));
  return {d, -low};
}

// Calls put(block index, codes, fit) for each block of the row.
template <class Put>
void each_symmetric(const float* values, int64_t n, int half, const float* importance, Put put) {
  const float variance = importance != nullptr ? sum_of_squares(values, n) / static_cast<float>(n) : 0.0f;
  uint8_t codes[32];
  float w[32];
  for (int64_t b = 0; b < n / 32; ++b) {
    const float* x = values + 32 * b;
    if (importance == nullptr) {
      put(b, codes, fit_symmetric(x, half, codes));
    } else {
      weigh(32, x, importance + 32 * b, variance, w);
      put(b, codes, search_symmetric(32, half, x, w, codes));
    }
  }
}

template <class Put>
void each_affine(const float* values, int64_t n, int levels, const float* importance, Put put) {
  const float variance = importance != nullptr ? sum_of_squares(values, n) / static_cast<float>(n) : 0.0f;
  uint8_t codes[32];
  float w[32];
  for (int64_t b = 0; b < n / 32; ++b) {
    const float* x = values + 32 * b;
    if (importance == nullptr) {
      put(b, codes, fit_affine(x, levels, codes));
    } else {
      weigh(32, x, importance + 32 * b, variance, w);
      put(b, codes, search_affine(32, levels, x, w, kWeighedSteps, codes));
    }
  }
}

}  // namespace

void encode(const float* values, int64_t n, BlockQ4_0* row, const float* importance) {
  each_symmetric(values, n, 8, importance, [&](int64_t b, const uint8_t* codes, float d) {
    row[b].d = f32_to_f16(d);
    put_codes(codes, row[b].qs);
  });
}

void encode(const float* values, int64_t n, BlockQ5_0* row, const float* importance) {
  each_symmetric(values, n, 16, importance, [&](int64_t b, const uint8_t* codes, float d) {
    row[b].d = f32_to_f16(d);
    row[b].qh = fifth_bits(codes);
    put_codes(codes, row[b].qs);
  });
}

void encode(const float* values, int64_t n, BlockQ4_1* row, const float* importance) {
  each_affine(values, n, 15, importance, [&](int64_t b, const uint8_t* codes, AffineFit fit) {
    row[b].d = f32_to_f16(fit.scale);
    row[b].m = f32_to_f16(-fit.min);
    put_codes(codes, row[b].qs);
  });
}

void encode(const float* values, int64_t n, BlockQ5_1* row, const float* importance) {
  each_affine(values, n, 31, importance, [&](int64_t b, const uint8_t* codes, AffineFit fit) {
    row[b].d = f32_to_f16(fit.scale);
    row[b].m = f32_to_f16(-fit.min);
    row[b].qh = fifth_bits(codes);
    put_codes(codes, row[b].qs);
  });
}

}  // namespace gannet::block_codec
