// Meaning of the one- and two-bit types and of the ternary types.
#include "tensor/block_codec.h"

namespace gannet::block_codec {

// Bytes are read in three runs of 32, 16 and 4; inside a run, all first trits come before all second trits.
void decode(const BlockTQ1_0& block, float* out) {
  const float d = f16_to_f32(block.d);
  const auto put_run = [&](const uint8_t* bytes, int count, int trits) {
    for (int n = 0; n < trits; ++n)
      for (int m = 0; m < count; ++m) *out++ = d * static_cast<float>(tq1_trit(bytes[m], n) - 1);
  };
  put_run(block.qs, 32, 5);
  put_run(block.qs + 32, 16, 5);
  put_run(block.qh, 4, 4);
}

void decode(const BlockTQ2_0& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int half = 0; half < 64; half += 32)
    for (int l = 0; l < 4; ++l)
      for (int m = 0; m < 32; ++m) *out++ = d * static_cast<float>(((block.qs[half + m] >> (2 * l)) & 3) - 1);
}

void decode(const BlockQ1_0& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int j = 0; j < 128; ++j) out[j] = d * static_cast<float>(2 * ((block.qs[j / 8] >> (j % 8)) & 1) - 1);
}

void decode(const BlockQ2_0& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int j = 0; j < 64; ++j) out[j] = d * static_cast<float>(((block.qs[j / 4] >> (2 * (j % 4))) & 3) - 1);
}

}  // namespace gannet::block_codec
