// Meaning of the K types: 256 elements, sub-blocks of 16 or 32 whose small integer scales share the block's d
// (and dmin). The combined scale is rounded to f32 before it meets the code; that order is part of the
// format.
#include "tensor/block_codec.h"

namespace gannet::block_codec {

void decode(const BlockQ2_K& block, float* out) {
  const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
  for (int b = 0; b < 16; ++b) {
    const int n = b / 8, j = b % 8 / 2, half = b % 2;
    const float scale = d * static_cast<float>(block.scales[b] & 15);
    const float min = dmin * static_cast<float>(block.scales[b] >> 4);
    const uint8_t* qs = block.qs + 32 * n + 16 * half;
    for (int i = 0; i < 16; ++i) out[16 * b + i] = scale * static_cast<float>((qs[i] >> (2 * j)) & 3) - min;
  }
}

void decode(const BlockQ3_K& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 16; ++b) {
    const int n = b / 8, j = b % 8 / 2, half = b % 2;
    const float scale = d * static_cast<float>(q3k_scale(block.scales, b));
    const uint8_t* qs = block.qs + 32 * n + 16 * half;
    const uint8_t* hmask = block.hmask + 16 * half;
    for (int i = 0; i < 16; ++i) {
      const int high = (hmask[i] >> (4 * n + j)) & 1;
      out[16 * b + i] = scale * static_cast<float>(((qs[i] >> (2 * j)) & 3) - (high ? 0 : 4));
    }
  }
}

void decode(const BlockQ4_K& block, float* out) {
  const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
  for (int b = 0; b < 8; ++b) {
    const ScaleMin pair = k4_scale_min(block.scales, b);
    const float scale = d * static_cast<float>(pair.scale), min = dmin * static_cast<float>(pair.min);
    const uint8_t* qs = block.qs + 32 * (b / 2);
    for (int i = 0; i < 32; ++i)
      out[32 * b + i] = scale * static_cast<float>((qs[i] >> (4 * (b & 1))) & 15) - min;
  }
}

void decode(const BlockQ5_K& block, float* out) {
  const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
  for (int b = 0; b < 8; ++b) {
    const ScaleMin pair = k4_scale_min(block.scales, b);
    const float scale = d * static_cast<float>(pair.scale), min = dmin * static_cast<float>(pair.min);
    const uint8_t* qs = block.qs + 32 * (b / 2);
    for (int i = 0; i < 32; ++i) {
      const int code = ((qs[i] >> (4 * (b & 1))) & 15) | ((block.qh[i] >> b) & 1) << 4;
      out[32 * b + i] = scale * static_cast<float>(code) - min;
    }
  }
}

void decode(const BlockQ6_K& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 16; ++b) {
    const int n = b / 8, j = b % 8 / 2, half = b % 2;
    const float scale = d * static_cast<float>(block.scales[b]);
    const uint8_t* ql = block.ql + 64 * n + 32 * (j & 1) + 16 * half;
    const uint8_t* qh = block.qh + 32 * n + 16 * half;
    for (int i = 0; i < 16; ++i) {
      const int low = (ql[i] >> (4 * (j >> 1))) & 15, high = (qh[i] >> (2 * j)) & 3;
      out[16 * b + i] = scale * static_cast<float>((low | high << 4) - 32);
    }
  }
}

}  // namespace gannet::block_codec
