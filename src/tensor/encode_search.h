// The four searches behind the encoders: given one group of values, find the scale (and minimum) and the
// integer codes that reproduce it with the least weighted squared error. Private to src/tensor. Everything is
// f32 in a fixed order of operations, so that encoders give the same bytes on every machine; do not reorder a
// sum here.
//
// In all of them x holds n values, w n non-negative weights, codes receives n codes, and groups whose values
// are all smaller than kTiny get scale 0 and codes 0.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace gannet::block_codec {

inline constexpr float kTiny = 1e-15f;

// Nearest integer, ties to even, for |v| < 2^22: 1.5 * 2^23 has a spacing of 1, so the addition does the
// rounding. Larger values and NaN give some integer; callers clamp.
inline int nearest_int(float v) {
  constexpr float kMagic = 12582912.0f;
  return static_cast<int>(std::bit_cast<uint32_t>(v + kMagic) - std::bit_cast<uint32_t>(kMagic));
}

inline int nearest_clamped(float v, int low, int high) {
  return std::clamp(nearest_int(v), low, high);
}

// Conversion toward zero into [low, high]; NaN gives low.
inline int truncate_clamped(float v, int low, int high) {
  if (!(v > static_cast<float>(low))) return low;
  return v < static_cast<float>(high) ? static_cast<int>(v) : high;
}

// 1 / d, or 0 where that is not a number to multiply by.
inline float inverse_or_zero(float d) {
  return d != 0.0f ? 1.0f / d : 0.0f;
}

// The element of largest magnitude, with its sign; the first one on ties. n >= 1.
inline float signed_peak(const float* x, int n) {
  float peak = 0.0f, magnitude = 0.0f;
  for (int i = 0; i < n; ++i) {
    if (std::fabs(x[i]) > magnitude) magnitude = std::fabs(x[i]), peak = x[i];
  }
  return peak;
}

// x ~ scale * (code - half), codes 0 .. 2 * half - 1. Tries 19 scales around the one that puts the largest
// element at code 0 and refits each by least squares. w may be null: x * x then. Returns the scale, which may
// be negative.
float search_symmetric(int n, int half, const float* x, const float* w, uint8_t* codes);

// The same fit for Q3_K without importance: one starting scale, then up to five rounds of coordinate descent,
// weights x * x.
float search_symmetric_descent(int n, int half, const float* x, uint8_t* codes);

struct AffineFit {
  float scale;
  float min;  // subtracted, >= 0
};
struct AffineSteps {
  float first, step;  // candidate s spans levels + first + step * s steps over the range
  int count;          // candidates 0 .. count
  bool absolute;      // judge by w * |error| and not by w * error^2
};
// x ~ scale * code - min, codes 0 .. levels. Each candidate is refitted by weighted least squares from the
// best minimum so far.
AffineFit search_affine(int n, int levels, const float* x, const float* w, const AffineSteps& steps,
                        uint8_t* codes);

// x ~ scale * code for x >= 0, codes 0 .. levels: for scales of sub-blocks. Grid of nine scales, then
// coordinate descent.
float search_positive(int n, int levels, const float* x, const float* w, uint8_t* codes);

// w[i] = importance[i] * sqrt(variance + x[i]^2); returns the sum.
float weigh(int n, const float* x, const float* importance, float variance, float* w);

// Sum of squares in order.
float sum_of_squares(const float* x, int64_t n);

}  // namespace gannet::block_codec
