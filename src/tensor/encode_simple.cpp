// Encoders that round to the nearest code: one look at the block gives the scale. They ignore importance.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensor/block_codec.h"
#include "tensor/encode_search.h"

namespace gannet::block_codec {
namespace {

float largest_magnitude(const float* x, int n) {
  return std::fabs(signed_peak(x, n));
}

// Code of the table entry nearest to x, the first one on ties, so that zero is code 0 and never 8.
uint8_t nearest_f4(float scale, float x) {
  int best = 0;
  float least = std::fabs(static_cast<float>(kF4[0]) * scale - x);
  for (int code = 1; code < 16; ++code) {
    const float error = std::fabs(static_cast<float>(kF4[code]) * scale - x);
    if (error < least) least = error, best = code;
  }
  return static_cast<uint8_t>(best);
}

void put_f4(const float* x, float scale, int half, uint8_t* qs) {
  for (int j = 0; j < half; ++j)
    qs[j] = static_cast<uint8_t>(nearest_f4(scale, x[j]) | nearest_f4(scale, x[j + half]) << 4);
}

// UE4M3 of v >= 0, three mantissa bits rounded half up. 256 and more give 448, a habit of the format's first
// encoder that files already rely on.
uint8_t ue4m3(float v) {
  if (!(v > 0.0f)) return 0;
  v = std::min(v, 448.0f);
  int exponent = std::ilogb(v) + 7;
  if (exponent <= 0) return static_cast<uint8_t>(std::min(static_cast<int>(v * 512.0f + 0.5f), 7));
  if (exponent >= 15) return 0x7E;
  const uint32_t bits = std::bit_cast<uint32_t>(v);
  int mantissa = static_cast<int>((bits >> 20) & 7) + static_cast<int>((bits >> 19) & 1);
  if (mantissa == 8) {
    mantissa = 0;
    if (++exponent >= 15) return 0x7E;
  }
  return static_cast<uint8_t>(exponent << 3 | mantissa);
}

// x / d to a trit + 1 for |x| <= d.
int trit(float x, float inverse) {
  return truncate_clamped(std::round(x * inverse), -1, 1) + 1;
}

}  // namespace

void encode(const float* values, int64_t n, BlockQ8_0* row) {
  for (int64_t b = 0; b < n / 32; ++b) {
    const float* x = values + 32 * b;
    const float d = largest_magnitude(x, 32) / 127.0f, inverse = inverse_or_zero(d);
    row[b].d = f32_to_f16(d);
    for (int j = 0; j < 32; ++j)
      row[b].qs[j] = static_cast<int8_t>(truncate_clamped(std::round(x[j] * inverse), -127, 127));
  }
}

void encode(const float* values, int64_t n, BlockQ1_0* row) {
  for (int64_t b = 0; b < n / 128; ++b) {
    const float* x = values + 128 * b;
    float sum = 0.0f;
    for (int j = 0; j < 128; ++j) sum += std::fabs(x[j]);
    row[b].d = f32_to_f16(sum / 128.0f);
    std::memset(row[b].qs, 0, sizeof(row[b].qs));
    for (int j = 0; j < 128; ++j)
      if (x[j] >= 0.0f) row[b].qs[j / 8] |= static_cast<uint8_t>(1 << (j % 8));
  }
}

void encode(const float* values, int64_t n, BlockQ2_0* row) {
  for (int64_t b = 0; b < n / 64; ++b) {
    const float* x = values + 64 * b;
    const float d = largest_magnitude(x, 64), inverse = inverse_or_zero(d);
    row[b].d = f32_to_f16(d);
    std::memset(row[b].qs, 0, sizeof(row[b].qs));
    for (int j = 0; j < 64; ++j)
      row[b].qs[j / 4] |= static_cast<uint8_t>(trit(x[j], inverse) << (2 * (j % 4)));
  }
}

void encode(const float* values, int64_t n, BlockTQ1_0* row) {
  for (int64_t b = 0; b < n / 256; ++b) {
    const float* x = values + 256 * b;
    const float d = largest_magnitude(x, 256), inverse = inverse_or_zero(d);
    row[b].d = f32_to_f16(d);
    // A byte holds `trits` base-3 digits, the first element the most significant of five, as a fraction of
    // 256.
    const auto put_run = [&](uint8_t* bytes, int count, int trits) {
      for (int m = 0; m < count; ++m) {
        int number = 0;
        for (int t = 0; t < 5; ++t) number = number * 3 + (t < trits ? trit(x[m + t * count], inverse) : 0);
        bytes[m] = static_cast<uint8_t>((number * 256 + 242) / 243);
      }
      x += count * trits;
    };
    put_run(row[b].qs, 32, 5);
    put_run(row[b].qs + 32, 16, 5);
    put_run(row[b].qh, 4, 4);
  }
}

void encode(const float* values, int64_t n, BlockTQ2_0* row) {
  for (int64_t b = 0; b < n / 256; ++b) {
    const float* x = values + 256 * b;
    const float d = largest_magnitude(x, 256), inverse = inverse_or_zero(d);
    row[b].d = f32_to_f16(d);
    for (int j = 0; j < 64; ++j) {
      const float* first = x + 128 * (j / 32) + j % 32;
      int packed = 0;
      for (int l = 0; l < 4; ++l) packed |= trit(first[32 * l], inverse) << (2 * l);
      row[b].qs[j] = static_cast<uint8_t>(packed);
    }
  }
}

void encode(const float* values, int64_t n, BlockMXFP4* row) {
  for (int64_t b = 0; b < n / 32; ++b) {
    const float* x = values + 32 * b;
    const float peak = largest_magnitude(x, 32);
    // The peak lands in [4, 8) units; above 6 it is clipped. The format has no scale bump.
    // ilogb is exact; a rounded logarithm would put peaks just below a power of two one step higher.
    const int e = peak > 0.0f ? std::clamp(std::ilogb(peak) + 125, 0, 252) : 0;
    row[b].e = static_cast<uint8_t>(e);
    put_f4(x, mxfp4_scale(row[b].e), 16, row[b].qs);
  }
}

void encode(const float* values, int64_t n, BlockNVFP4* row) {
  for (int64_t b = 0; b < n / 64; ++b) {
    for (int s = 0; s < 4; ++s) {
      const float* x = values + 64 * b + 16 * s;
      row[b].d[s] = ue4m3(largest_magnitude(x, 16) / 6.0f);
      put_f4(x, nvfp4_scale(row[b].d[s]), 8, row[b].qs + 8 * s);
    }
  }
}

}  // namespace gannet::block_codec
