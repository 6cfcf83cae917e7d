// Meaning of the types whose 4-bit codes select from a fixed table: the non-linear IQ4 pair and the two FP4
// formats.
#include "tensor/block_codec.h"

namespace gannet::block_codec {
namespace {

// 2 * half elements from `half` bytes: low nibbles first, then high nibbles.
void put_nibbles(float scale, const int8_t (&table)[16], const uint8_t* qs, int half, float* out) {
  for (int j = 0; j < half; ++j) {
    out[j] = scale * static_cast<float>(table[qs[j] & 15]);
    out[j + half] = scale * static_cast<float>(table[qs[j] >> 4]);
  }
}

}  // namespace

void decode(const BlockIQ4_NL& block, float* out) {
  put_nibbles(f16_to_f32(block.d), kKnl, block.qs, 16, out);
}

void decode(const BlockIQ4_XS& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 8; ++b)
    put_nibbles(d * static_cast<float>(iq4xs_scale(block, b)), kKnl, block.qs + 16 * b, 16, out + 32 * b);
}

void decode(const BlockMXFP4& block, float* out) {
  put_nibbles(mxfp4_scale(block.e), kF4, block.qs, 16, out);
}

void decode(const BlockNVFP4& block, float* out) {
  for (int s = 0; s < 4; ++s) put_nibbles(nvfp4_scale(block.d[s]), kF4, block.qs + 8 * s, 8, out + 16 * s);
}

}  // namespace gannet::block_codec
