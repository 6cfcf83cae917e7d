// Meaning of the grid types (IQ1 to IQ3): groups of eight elements (two fours for IQ3) are points of a code
// book, with separate signs (IQ2, IQ3) or a shift of an eighth (IQ1).
#include "tensor/block_codec.h"

namespace gannet::block_codec {
namespace {

// One group of eight: element i = scale * byte i of `point`, negated where bit i of `signs` is set.
void put_signed(float scale, uint64_t point, uint8_t signs, float* out) {
  for (int i = 0; i < 8; ++i) {
    const float magnitude = scale * static_cast<float>((point >> (8 * i)) & 0xFF);
    out[i] = (signs >> i) & 1 ? -magnitude : magnitude;
  }
}

// One IQ1 group: scale * (byte i of `point` as a signed number + shift).
void put_shifted(float scale, uint64_t point, float shift, float* out) {
  for (int i = 0; i < 8; ++i)
    out[i] = scale * (static_cast<float>(static_cast<int8_t>(point >> (8 * i))) + shift);
}

uint64_t two_fours(uint32_t first, uint32_t second) {
  return first | static_cast<uint64_t>(second) << 32;
}

}  // namespace

void decode(const BlockIQ2_XXS& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 8; ++b) {
    const uint32_t w = block.sub[b].w;
    const float scale = d * (0.5f + static_cast<float>(w >> 28)) * 0.25f;
    for (int l = 0; l < 4; ++l)
      put_signed(scale, kGridIq2xxs[block.sub[b].idx[l]], kEvenSigns[(w >> (7 * l)) & 127],
                 out + 32 * b + 8 * l);
  }
}

void decode(const BlockIQ2_XS& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int g = 0; g < 32; ++g) {
    const int s = (block.scales[g / 4] >> (4 * (g % 4 / 2))) & 15;
    const float scale = d * (0.5f + static_cast<float>(s)) * 0.25f;
    const uint32_t q = block.qs[g];
    put_signed(scale, kGridIq2xs[q & 511], kEvenSigns[q >> 9], out + 8 * g);
  }
}

void decode(const BlockIQ2_S& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int g = 0; g < 32; ++g) {
    const int s = (block.scales[g / 4] >> (4 * (g % 4 / 2))) & 15;
    const float scale = d * (0.5f + static_cast<float>(s)) * 0.25f;
    const uint32_t index = block.qs[g] | ((block.qh[g / 4] >> (2 * (g % 4))) & 3u) << 8;
    put_signed(scale, kGridIq2s[index], block.signs[g], out + 8 * g);
  }
}

void decode(const BlockIQ3_XXS& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 8; ++b) {
    const uint32_t w = block.w[b];
    const float scale = d * (0.5f + static_cast<float>(w >> 28)) * 0.5f;
    for (int l = 0; l < 4; ++l) {
      const uint8_t* q = block.qs + 8 * b + 2 * l;
      put_signed(scale, two_fours(kGridIq3xxs[q[0]], kGridIq3xxs[q[1]]), kEvenSigns[(w >> (7 * l)) & 127],
                 out + 32 * b + 8 * l);
    }
  }
}

void decode(const BlockIQ3_S& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 8; ++b) {
    const int s = (block.scales[b / 2] >> (4 * (b % 2))) & 15;
    const float scale = d * static_cast<float>(1 + 2 * s);
    const uint32_t high = block.qh[b];
    for (int l = 0; l < 4; ++l) {
      const uint32_t first = block.qs[8 * b + 2 * l] | ((high >> (2 * l)) & 1) << 8;
      const uint32_t second = block.qs[8 * b + 2 * l + 1] | ((high >> (2 * l + 1)) & 1) << 8;
      put_signed(scale, two_fours(kGridIq3s[first], kGridIq3s[second]), block.signs[4 * b + l],
                 out + 32 * b + 8 * l);
    }
  }
}

void decode(const BlockIQ1_S& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 8; ++b) {
    const uint32_t high = block.qh[b];
    const float scale = d * static_cast<float>(2 * ((high >> 12) & 7) + 1);
    const float shift = high & 0x8000 ? -0.125f : 0.125f;
    for (int l = 0; l < 4; ++l) {
      const uint32_t index = block.qs[4 * b + l] | ((high >> (3 * l)) & 7) << 8;
      put_shifted(scale, kGridIq1[index], shift, out + 32 * b + 8 * l);
    }
  }
}

void decode(const BlockIQ1_M& block, float* out) {
  const float d = f16_to_f32(iq1m_d(block));
  for (int t = 0; t < 32; ++t) {
    const int u = t / 2;
    const uint32_t h = (block.qh[u] >> (4 * (t % 2))) & 15u;
    const int s = (block.scales[u / 4] >> (3 * (u % 4))) & 7;
    put_shifted(d * static_cast<float>(2 * s + 1), kGridIq1[block.qs[t] | (h & 7) << 8],
                h & 8 ? -0.125f : 0.125f, out + 8 * t);
  }
}

}  // namespace gannet::block_codec
