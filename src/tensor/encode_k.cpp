// Encoders of the K types. Three steps each: fit every sub-block on its own; fit integer scales of the
// sub-blocks to one d (and dmin); recompute the codes with the scale that a reader will see, half-precision d
// times integer.
#include <algorithm>

#include "tensor/block_codec.h"
#include "tensor/encode_search.h"

namespace gannet::block_codec {
namespace {

// The widest block of codes and per-sub-block results.
struct Work {
  uint8_t codes[256];
  float scales[16], mins[16], weights[16];  // weights: sum of the element weights of a sub-block
  uint8_t scale_codes[16], min_codes[16];
};

// Integer scales without importance: the largest one becomes `top`. Returns the unit.
float spread(const float* values, int n, int top, uint8_t* codes) {
  float peak = 0.0f;
  for (int b = 0; b < n; ++b) peak = std::max(peak, values[b]);
  const float inverse = peak > 0.0f ? static_cast<float>(top) / peak : 0.0f;
  for (int b = 0; b < n; ++b) codes[b] = static_cast<uint8_t>(nearest_clamped(inverse * values[b], 0, top));
  return peak / static_cast<float>(top);
}

// Fits the scales and mins of `subs` sub-blocks to d and dmin, which come back as half floats.
void fit_scales(Work& work, int subs, int top, bool weighed, uint16_t* d, uint16_t* dmin) {
  if (weighed) {
    *d = f32_to_f16(search_positive(subs, top, work.scales, work.weights, work.scale_codes));
    *dmin = f32_to_f16(search_positive(subs, top, work.mins, work.weights, work.min_codes));
  } else {
    *d = f32_to_f16(spread(work.scales, subs, top, work.scale_codes));
    *dmin = f32_to_f16(spread(work.mins, subs, top, work.min_codes));
  }
}

// Codes of x ~ scale * code - min as the reader computes it. A zero scale keeps the codes of the search.
void recode(const float* x, int n, float scale, float min, int levels, uint8_t* codes) {
  if (scale == 0.0f) return;
  for (int i = 0; i < n; ++i)
    codes[i] = static_cast<uint8_t>(nearest_clamped((x[i] + min) / scale, 0, levels));
}

// The same for x ~ scale * (code - half).
void recode_symmetric(const float* x, int n, float scale, int half, uint8_t* codes) {
  if (scale == 0.0f) return;
  for (int i = 0; i < n; ++i)
    codes[i] = static_cast<uint8_t>(nearest_clamped(x[i] / scale, -half, half - 1) + half);
}

constexpr AffineSteps kWeighedSteps = {-0.9f, 0.05f, 36, false};

// Steps one to three of Q4_K and Q5_K; fills work, d and dmin.
void encode_k32(const float* x, int levels, const AffineSteps& plain_steps, const float* importance,
                Work& work, uint16_t* d, uint16_t* dmin) {
  const float variance = 2.0f * sum_of_squares(x, 256) / 256.0f;
  float w[32];
  for (int b = 0; b < 8; ++b) {
    const float* xb = x + 32 * b;
    if (importance != nullptr) {
      work.weights[b] = weigh(32, xb, importance + 32 * b, variance, w);
    } else {
      const float spread_of_x = std::sqrt(sum_of_squares(xb, 32) / 32.0f);
      for (int i = 0; i < 32; ++i) w[i] = spread_of_x + std::fabs(xb[i]);
    }
    const AffineFit fit = search_affine(
        32, levels, xb, w, importance != nullptr ? kWeighedSteps : plain_steps, work.codes + 32 * b);
    work.scales[b] = fit.scale;
    work.mins[b] = fit.min;
  }
  fit_scales(work, 8, 63, importance != nullptr, d, dmin);
  for (int b = 0; b < 8; ++b)
    recode(x + 32 * b, 32, f16_to_f32(*d) * work.scale_codes[b], f16_to_f32(*dmin) * work.min_codes[b],
           levels, work.codes + 32 * b);
}

// Inverse of k4_scale_min().
void put_k4_scales(const Work& work, uint8_t* packed) {
  for (int b = 0; b < 4; ++b) {
    const int s = work.scale_codes[b + 4], m = work.min_codes[b + 4];
    packed[b] = static_cast<uint8_t>(work.scale_codes[b] | (s >> 4) << 6);
    packed[b + 4] = static_cast<uint8_t>(work.min_codes[b] | (m >> 4) << 6);
    packed[b + 8] = static_cast<uint8_t>((s & 15) | (m & 15) << 4);
  }
}

void put_nibbles(const uint8_t* codes, uint8_t* qs) {
  for (int j = 0; j < 128; ++j) {
    const uint8_t* pair = codes + 64 * (j / 32) + j % 32;
    qs[j] = static_cast<uint8_t>((pair[0] & 15) | (pair[32] & 15) << 4);
  }
}

// Two bits of every code, four elements 32 apart per byte.
void put_pairs(const uint8_t* codes, int shift, uint8_t* qs) {
  for (int j = 0; j < 64; ++j) {
    const uint8_t* first = codes + 128 * (j / 32) + j % 32;
    int packed = 0;
    for (int l = 0; l < 4; ++l) packed |= ((first[32 * l] >> shift) & 3) << (2 * l);
    qs[j] = static_cast<uint8_t>(packed);
  }
}

}  // namespace

void encode(const float* values, int64_t n, BlockQ2_K* row, const float* importance) {
  constexpr AffineSteps kPlainSteps = {-0.5f, 0.1f, 15, true};
  Work work;
  float w[16];
  for (int64_t k = 0; k < n / 256; ++k) {
    const float* x = values + 256 * k;
    const float variance = sum_of_squares(x, 256) / 256.0f;
    for (int b = 0; b < 16; ++b) {
      const float* xb = x + 16 * b;
      if (importance != nullptr) {
        work.weights[b] = weigh(16, xb, importance + 256 * k + 16 * b, variance, w);
      } else {
        for (int i = 0; i < 16; ++i) w[i] = std::fabs(xb[i]);
      }
      const AffineFit fit = search_affine(16, 3, xb, w, importance != nullptr ? kWeighedSteps : kPlainSteps,
                                          work.codes + 16 * b);
      work.scales[b] = fit.scale;
      work.mins[b] = fit.min;
    }
    uint16_t d, dmin;
    fit_scales(work, 16, 15, importance != nullptr, &d, &dmin);
    for (int b = 0; b < 16; ++b) {
      recode(x + 16 * b, 16, f16_to_f32(d) * work.scale_codes[b], f16_to_f32(dmin) * work.min_codes[b], 3,
             work.codes + 16 * b);
      row[k].scales[b] = static_cast<uint8_t>(work.scale_codes[b] | work.min_codes[b] << 4);
    }
    row[k].d = d;
    row[k].dmin = dmin;
    put_pairs(work.codes, 0, row[k].qs);
  }
}

void encode(const float* values, int64_t n, BlockQ3_K* row, const float* importance) {
  Work work;
  float w[16];
  for (int64_t k = 0; k < n / 256; ++k) {
    const float* x = values + 256 * k;
    const float variance = 2.0f * sum_of_squares(x, 256) / 256.0f;
    for (int b = 0; b < 16; ++b) {
      const float* xb = x + 16 * b;
      if (importance != nullptr) {
        work.weights[b] = weigh(16, xb, importance + 256 * k + 16 * b, variance, w);
        work.scales[b] = search_symmetric(16, 4, xb, w, work.codes + 16 * b);
      } else {
        work.scales[b] = search_symmetric_descent(16, 4, xb, work.codes + 16 * b);
      }
    }
    // Scale codes are biased by 32.
    float unit = 0.0f;
    if (importance != nullptr) {
      unit = search_symmetric(16, 32, work.scales, work.weights, work.scale_codes);
    } else if (const float peak = signed_peak(work.scales, 16); peak != 0.0f) {
      const float inverse = -32.0f / peak;
      for (int b = 0; b < 16; ++b)
        work.scale_codes[b] = static_cast<uint8_t>(nearest_clamped(inverse * work.scales[b], -32, 31) + 32);
      unit = 1.0f / inverse;
    } else {
      std::fill_n(work.scale_codes, 16, uint8_t{0});
    }
    BlockQ3_K& block = row[k];
    block = {};
    block.d = f32_to_f16(unit);
    for (int b = 0; b < 16; ++b) {
      const int code = work.scale_codes[b];
      block.scales[b % 8] |= static_cast<uint8_t>((code & 15) << (4 * (b / 8)));
      block.scales[8 + b % 4] |= static_cast<uint8_t>((code >> 4) << (2 * (b / 4)));
      recode_symmetric(x + 16 * b, 16, f16_to_f32(block.d) * static_cast<float>(code - 32), 4,
                       work.codes + 16 * b);
    }
    put_pairs(work.codes, 0, block.qs);
    for (int i = 0; i < 256; ++i)
      block.hmask[i % 32] |= static_cast<uint8_t>((work.codes[i] >> 2) << (i / 32));
  }
}

void encode(const float* values, int64_t n, BlockQ4_K* row, const float* importance) {
  Work work;
  for (int64_t k = 0; k < n / 256; ++k) {
    uint16_t d, dmin;
    encode_k32(values + 256 * k, 15, {-1.0f, 0.1f, 20, false},
               importance != nullptr ? importance + 256 * k : nullptr, work, &d, &dmin);
    row[k].d = d;
    row[k].dmin = dmin;
    put_k4_scales(work, row[k].scales);
    put_nibbles(work.codes, row[k].qs);
  }
}

void encode(const float* values, int64_t n, BlockQ5_K* row, const float* importance) {
  Work work;
  for (int64_t k = 0; k < n / 256; ++k) {
    uint16_t d, dmin;
    encode_k32(values + 256 * k, 31, {-0.5f, 0.1f, 15, false},
               importance != nullptr ? importance + 256 * k : nullptr, work, &d, &dmin);
    BlockQ5_K& block = row[k];
    block = {};
    block.d = d;
    block.dmin = dmin;
    put_k4_scales(work, block.scales);
    put_nibbles(work.codes, block.qs);
    for (int i = 0; i < 256; ++i) block.qh[i % 32] |= static_cast<uint8_t>((work.codes[i] >> 4) << (i / 32));
  }
}

void encode(const float* values, int64_t n, BlockQ6_K* row, const float* importance) {
  Work work;
  for (int64_t k = 0; k < n / 256; ++k) {
    const float* x = values + 256 * k;
    for (int b = 0; b < 16; ++b)
      work.scales[b] = search_symmetric(16, 32, x + 16 * b,
                                        importance != nullptr ? importance + 256 * k + 16 * b : nullptr,
                                        work.codes + 16 * b);
    BlockQ6_K& block = row[k];
    block = {};
    const float peak = signed_peak(work.scales, 16);
    if (std::fabs(peak) < kTiny) continue;
    const float inverse = -128.0f / peak;
    block.d = f32_to_f16(1.0f / inverse);
    for (int b = 0; b < 16; ++b) {
      block.scales[b] = static_cast<int8_t>(nearest_clamped(inverse * work.scales[b], -128, 127));
      recode_symmetric(x + 16 * b, 16, f16_to_f32(block.d) * static_cast<float>(block.scales[b]), 32,
                       work.codes + 16 * b);
    }
    for (int j = 0; j < 128; ++j) {
      const uint8_t* low = work.codes + 128 * (j / 64) + j % 64;
      block.ql[j] = static_cast<uint8_t>((low[0] & 15) | (low[64] & 15) << 4);
    }
    put_pairs(work.codes, 4, block.qh);
  }
}

}  // namespace gannet::block_codec
