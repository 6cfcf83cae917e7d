// Encoders of the non-linear 4-bit types: fifteen scales around the one that puts the largest element at the
// end of the table, each refitted by weighted least squares; weights from importance and the variance of the
// block, or x * x.
#include "tensor/block_codec.h"
#include "tensor/encode_search.h"

namespace gannet::block_codec {
namespace {

// Index of the table entry nearest to v, the upper one on ties.
int nearest_knl(float v) {
  if (!(v > static_cast<float>(kKnl[0]))) return 0;
  if (v >= static_cast<float>(kKnl[15])) return 15;
  int low = 0, high = 15;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (v < static_cast<float>(kKnl[middle])) {
      high = middle;
    } else {
      low = middle;
    }
  }
  return v - static_cast<float>(kKnl[low]) < static_cast<float>(kKnl[high]) - v ? low : high;
}

float fit_scale(const float* x, const float* w) {
  const float peak = signed_peak(x, 32);
  if (std::fabs(peak) < kTiny) return 0.0f;
  float sum_xq = 0.0f, sum_qq = 0.0f;
  const auto sum_with = [&](float inverse) {
    sum_xq = sum_qq = 0.0f;
    for (int j = 0; j < 32; ++j) {
      const float q = static_cast<float>(kKnl[nearest_knl(inverse * x[j])]);
      sum_xq += w[j] * q * x[j];
      sum_qq += w[j] * q * q;
    }
  };
  const float end = static_cast<float>(kKnl[0]);
  const float start = -peak / end;
  sum_with(1.0f / start);
  if (!(sum_qq > 0.0f)) return start;  // no element has any weight
  float d = sum_xq / sum_qq, best = d * sum_xq;
  for (int t = -7; t <= 7; ++t) {
    sum_with((static_cast<float>(t) + end) / peak);
    if (sum_qq > 0.0f && sum_xq * sum_xq > best * sum_qq) {
      d = sum_xq / sum_qq;
      best = d * sum_xq;
    }
  }
  return d;
}

void weigh_32(const float* x, const float* importance, float variance, float* w) {
  if (importance != nullptr) {
    weigh(32, x, importance, variance, w);
  } else {
    for (int j = 0; j < 32; ++j) w[j] = x[j] * x[j];
  }
}

void put_codes(const float* x, float d, uint8_t* qs) {
  const float inverse = inverse_or_zero(d);
  for (int j = 0; j < 16; ++j)
    qs[j] = static_cast<uint8_t>(nearest_knl(inverse * x[j]) | nearest_knl(inverse * x[j + 16]) << 4);
}

}  // namespace

void encode(const float* values, int64_t n, BlockIQ4_NL* row, const float* importance) {
  float w[32];
  for (int64_t b = 0; b < n / 32; ++b) {
    const float* x = values + 32 * b;
    weigh_32(x, importance != nullptr ? importance + 32 * b : nullptr, 2.0f * sum_of_squares(x, 32) / 32.0f,
             w);
    const float d = fit_scale(x, w);
    row[b].d = f32_to_f16(d);
    put_codes(x, d, row[b].qs);
  }
}

void encode(const float* values, int64_t n, BlockIQ4_XS* row, const float* importance) {
  float w[32], scales[8];
  for (int64_t k = 0; k < n / 256; ++k) {
    const float* x = values + 256 * k;
    const float variance = 2.0f * sum_of_squares(x, 256) / 256.0f;
    for (int b = 0; b < 8; ++b) {
      weigh_32(x + 32 * b, importance != nullptr ? importance + 256 * k + 32 * b : nullptr, variance, w);
      scales[b] = fit_scale(x + 32 * b, w);
    }
    const float d = -signed_peak(scales, 8) / 32.0f, inverse = inverse_or_zero(d);
    BlockIQ4_XS& block = row[k];
    block = {};
    block.d = f32_to_f16(d);
    for (int b = 0; b < 8; ++b) {
      const int level = nearest_clamped(inverse * scales[b], -32, 31);
      put_codes(x + 32 * b, d * static_cast<float>(level), block.qs + 16 * b);
      const int code = level + 32;
      block.scales_l[b / 2] |= static_cast<uint8_t>((code & 15) << (4 * (b % 2)));
      block.scales_h = static_cast<uint16_t>(block.scales_h | (code >> 4) << (2 * b));
    }
  }
}

}  // namespace gannet::block_codec
