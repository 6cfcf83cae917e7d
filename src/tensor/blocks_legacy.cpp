// Meaning of the 32-element types with one half-float scale (and, for the _1 types, one minimum) per block.
#include "tensor/block_codec.h"

namespace gannet::block_codec {

void decode(const BlockQ4_0& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>((block.qs[j] & 15) - 8);
    out[j + 16] = d * static_cast<float>((block.qs[j] >> 4) - 8);
  }
}

void decode(const BlockQ4_1& block, float* out) {
  const float d = f16_to_f32(block.d), m = f16_to_f32(block.m);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(block.qs[j] & 15) + m;
    out[j + 16] = d * static_cast<float>(block.qs[j] >> 4) + m;
  }
}

void decode(const BlockQ5_0& block, float* out) {
  const float d = f16_to_f32(block.d);
  const uint32_t high = block.qh;
  for (int j = 0; j < 16; ++j) {
    const int low = (block.qs[j] & 15) | static_cast<int>((high >> j) & 1) << 4;
    const int up = (block.qs[j] >> 4) | static_cast<int>((high >> (j + 16)) & 1) << 4;
    out[j] = d * static_cast<float>(low - 16);
    out[j + 16] = d * static_cast<float>(up - 16);
  }
}

void decode(const BlockQ5_1& block, float* out) {
  const float d = f16_to_f32(block.d), m = f16_to_f32(block.m);
  const uint32_t high = block.qh;
  for (int j = 0; j < 16; ++j) {
    const int low = (block.qs[j] & 15) | static_cast<int>((high >> j) & 1) << 4;
    const int up = (block.qs[j] >> 4) | static_cast<int>((high >> (j + 16)) & 1) << 4;
    out[j] = d * static_cast<float>(low) + m;
    out[j + 16] = d * static_cast<float>(up) + m;
  }
}

void decode(const BlockQ8_0& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(block.qs[j]);
}

}  // namespace gannet::block_codec
