// The group view, block type by block type: where the packing of each format turns into plain 8-bit codes.
#include "tensor/groups.h"

#include <cstring>

#include "base/check.h"
#include "tensor/block_codec.h"

namespace gannet {
namespace {

constexpr int kSignedBias = 128;

// Where the next codes, scale and offset go.
struct Sink {
  uint8_t* codes;
  float* scales;
  float* offsets;

  void code(int value) { *codes++ = static_cast<uint8_t>(value); }
  void group(float scale, float offset) {
    *scales++ = scale;
    *offsets++ = offset;
  }
  // A group whose codes are its integers plus `bias`.
  void biased_group(float scale, int bias) { group(scale, static_cast<float>(-bias) * scale); }
  void nibbles(const uint8_t* qs, int half) {
    for (int j = 0; j < half; ++j) codes[j] = qs[j] & 15, codes[j + half] = qs[j] >> 4;
    codes += 2 * half;
  }
  // Nibbles that select from a table of signed values.
  void nibbles_of(const int8_t (&table)[16], int bias, const uint8_t* qs, int half) {
    for (int j = 0; j < half; ++j) {
      codes[j] = static_cast<uint8_t>(table[qs[j] & 15] + bias);
      codes[j + half] = static_cast<uint8_t>(table[qs[j] >> 4] + bias);
    }
    codes += 2 * half;
  }
  void fifth_bits(uint32_t qh) {  // of the 32 codes written last
    for (int j = 0; j < 32; ++j) codes[j - 32] |= static_cast<uint8_t>(((qh >> j) & 1) << 4);
  }
  void signed_point(uint64_t point, uint8_t signs) {
    for (int i = 0; i < 8; ++i) {
      const int magnitude = static_cast<int>((point >> (8 * i)) & 0xFF);
      code(kSignedBias + ((signs >> i) & 1 ? -magnitude : magnitude));
    }
  }
  void shifted_point(uint64_t point, bool down) {  // eighths
    for (int i = 0; i < 8; ++i)
      code(kSignedBias + 8 * static_cast<int8_t>(point >> (8 * i)) + (down ? -1 : 1));
  }
};

void unpack(const BlockQ4_0& block, Sink& sink) {
  sink.nibbles(block.qs, 16);
  sink.biased_group(f16_to_f32(block.d), 8);
}

void unpack(const BlockQ4_1& block, Sink& sink) {
  sink.nibbles(block.qs, 16);
  sink.group(f16_to_f32(block.d), f16_to_f32(block.m));
}

void unpack(const BlockQ5_0& block, Sink& sink) {
  sink.nibbles(block.qs, 16);
  sink.fifth_bits(block.qh);
  sink.biased_group(f16_to_f32(block.d), 16);
}

void unpack(const BlockQ5_1& block, Sink& sink) {
  sink.nibbles(block.qs, 16);
  sink.fifth_bits(block.qh);
  sink.group(f16_to_f32(block.d), f16_to_f32(block.m));
}

void unpack(const BlockQ8_0& block, Sink& sink) {
  for (const int8_t q : block.qs) sink.code(q + kSignedBias);
  sink.biased_group(f16_to_f32(block.d), kSignedBias);
}

void unpack(const BlockQ2_K& block, Sink& sink) {
  const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
  for (int b = 0; b < 16; ++b) {
    const uint8_t* qs = block.qs + 32 * (b / 8) + 16 * (b % 2);
    for (int i = 0; i < 16; ++i) sink.code((qs[i] >> (2 * (b % 8 / 2))) & 3);
    sink.group(d * static_cast<float>(block.scales[b] & 15),
               -(dmin * static_cast<float>(block.scales[b] >> 4)));
  }
}

void unpack(const BlockQ3_K& block, Sink& sink) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 16; ++b) {
    const int n = b / 8, j = b % 8 / 2, half = b % 2;
    const uint8_t* qs = block.qs + 32 * n + 16 * half;
    const uint8_t* hmask = block.hmask + 16 * half;
    for (int i = 0; i < 16; ++i) sink.code(((qs[i] >> (2 * j)) & 3) | ((hmask[i] >> (4 * n + j)) & 1) << 2);
    sink.biased_group(d * static_cast<float>(q3k_scale(block.scales, b)), 4);
  }
}

void put_k4_group(float d, float dmin, ScaleMin pair, Sink& sink) {
  sink.group(d * static_cast<float>(pair.scale), -(dmin * static_cast<float>(pair.min)));
}

void unpack(const BlockQ4_K& block, Sink& sink) {
  const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
  for (int b = 0; b < 8; ++b) {
    for (int i = 0; i < 32; ++i) sink.code((block.qs[32 * (b / 2) + i] >> (4 * (b & 1))) & 15);
    put_k4_group(d, dmin, k4_scale_min(block.scales, b), sink);
  }
}

void unpack(const BlockQ5_K& block, Sink& sink) {
  const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
  for (int b = 0; b < 8; ++b) {
    for (int i = 0; i < 32; ++i) {
      const int low = (block.qs[32 * (b / 2) + i] >> (4 * (b & 1))) & 15;
      sink.code(low | ((block.qh[i] >> b) & 1) << 4);
    }
    put_k4_group(d, dmin, k4_scale_min(block.scales, b), sink);
  }
}

void unpack(const BlockQ6_K& block, Sink& sink) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 16; ++b) {
    const int n = b / 8, j = b % 8 / 2, half = b % 2;
    const uint8_t* ql = block.ql + 64 * n + 32 * (j & 1) + 16 * half;
    const uint8_t* qh = block.qh + 32 * n + 16 * half;
    for (int i = 0; i < 16; ++i) sink.code(((ql[i] >> (4 * (j >> 1))) & 15) | ((qh[i] >> (2 * j)) & 3) << 4);
    sink.biased_group(d * static_cast<float>(block.scales[b]), 32);
  }
}

void unpack(const BlockIQ4_NL& block, Sink& sink) {
  sink.nibbles_of(kKnl, kSignedBias, block.qs, 16);
  sink.biased_group(f16_to_f32(block.d), kSignedBias);
}

void unpack(const BlockIQ4_XS& block, Sink& sink) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 8; ++b) {
    sink.nibbles_of(kKnl, kSignedBias, block.qs + 16 * b, 16);
    sink.biased_group(d * static_cast<float>(iq4xs_scale(block, b)), kSignedBias);
  }
}

void unpack(const BlockMXFP4& block, Sink& sink) {
  sink.nibbles_of(kF4, 12, block.qs, 16);
  sink.biased_group(mxfp4_scale(block.e), 12);
}

void unpack(const BlockNVFP4& block, Sink& sink) {
  for (int s = 0; s < 4; ++s) {
    sink.nibbles_of(kF4, 12, block.qs + 8 * s, 8);
    sink.biased_group(nvfp4_scale(block.d[s]), 12);
  }
}

void unpack(const BlockIQ2_XXS& block, Sink& sink) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 8; ++b) {
    const uint32_t w = block.sub[b].w;
    for (int l = 0; l < 4; ++l)
      sink.signed_point(kGridIq2xxs[block.sub[b].idx[l]], kEvenSigns[(w >> (7 * l)) & 127]);
    sink.biased_group(d * (0.5f + static_cast<float>(w >> 28)) * 0.25f, kSignedBias);
  }
}

void unpack(const BlockIQ2_XS& block, Sink& sink) {
  const float d = f16_to_f32(block.d);
  for (int u = 0; u < 16; ++u) {
    for (int g = 2 * u; g < 2 * u + 2; ++g) {
      const uint32_t q = block.qs[g];
      sink.signed_point(kGridIq2xs[q & 511], kEvenSigns[q >> 9]);
    }
    const int s = (block.scales[u / 2] >> (4 * (u % 2))) & 15;
    sink.biased_group(d * (0.5f + static_cast<float>(s)) * 0.25f, kSignedBias);
  }
}

void unpack(const BlockIQ2_S& block, Sink& sink) {
  const float d = f16_to_f32(block.d);
  for (int u = 0; u < 16; ++u) {
    for (int g = 2 * u; g < 2 * u + 2; ++g) {
      const uint32_t index = block.qs[g] | ((block.qh[g / 4] >> (2 * (g % 4))) & 3u) << 8;
      sink.signed_point(kGridIq2s[index], block.signs[g]);
    }
    const int s = (block.scales[u / 2] >> (4 * (u % 2))) & 15;
    sink.biased_group(d * (0.5f + static_cast<float>(s)) * 0.25f, kSignedBias);
  }
}

uint64_t two_fours(uint32_t first, uint32_t second) {
  return first | static_cast<uint64_t>(second) << 32;
}

void unpack(const BlockIQ3_XXS& block, Sink& sink) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 8; ++b) {
    const uint32_t w = block.w[b];
    for (int l = 0; l < 4; ++l) {
      const uint8_t* q = block.qs + 8 * b + 2 * l;
      sink.signed_point(two_fours(kGridIq3xxs[q[0]], kGridIq3xxs[q[1]]), kEvenSigns[(w >> (7 * l)) & 127]);
    }
    sink.biased_group(d * (0.5f + static_cast<float>(w >> 28)) * 0.5f, kSignedBias);
  }
}

void unpack(const BlockIQ3_S& block, Sink& sink) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 8; ++b) {
    const auto four = [&](int t) { return kGridIq3s[block.qs[8 * b + t] | ((block.qh[b] >> t) & 1u) << 8]; };
    for (int l = 0; l < 4; ++l)
      sink.signed_point(two_fours(four(2 * l), four(2 * l + 1)), block.signs[4 * b + l]);
    const int s = (block.scales[b / 2] >> (4 * (b % 2))) & 15;
    sink.biased_group(d * static_cast<float>(1 + 2 * s), kSignedBias);
  }
}

void unpack(const BlockIQ1_S& block, Sink& sink) {
  const float d = f16_to_f32(block.d);
  for (int b = 0; b < 8; ++b) {
    const uint32_t high = block.qh[b];
    for (int l = 0; l < 4; ++l)
      sink.shifted_point(kGridIq1[block.qs[4 * b + l] | ((high >> (3 * l)) & 7) << 8], high & 0x8000);
    sink.biased_group(d * static_cast<float>(2 * ((high >> 12) & 7) + 1) * 0.125f, kSignedBias);
  }
}

void unpack(const BlockIQ1_M& block, Sink& sink) {
  const float d = f16_to_f32(iq1m_d(block));
  for (int u = 0; u < 16; ++u) {
    for (int t = 2 * u; t < 2 * u + 2; ++t) {
      const uint32_t h = (block.qh[u] >> (4 * (t % 2))) & 15u;
      sink.shifted_point(kGridIq1[block.qs[t] | (h & 7) << 8], h & 8);
    }
    const int s = (block.scales[u / 4] >> (3 * (u % 4))) & 7;
    sink.biased_group(d * static_cast<float>(2 * s + 1) * 0.125f, kSignedBias);
  }
}

void unpack(const BlockTQ1_0& block, Sink& sink) {
  const auto run = [&](const uint8_t* bytes, int count, int trits) {
    for (int n = 0; n < trits; ++n)
      for (int m = 0; m < count; ++m) sink.code(tq1_trit(bytes[m], n));
  };
  run(block.qs, 32, 5);
  run(block.qs + 32, 16, 5);
  run(block.qh, 4, 4);
  for (int b = 0; b < 8; ++b) sink.biased_group(f16_to_f32(block.d), 1);
}

void unpack(const BlockTQ2_0& block, Sink& sink) {
  for (int half = 0; half < 64; half += 32) {
    for (int l = 0; l < 4; ++l) {
      for (int m = 0; m < 32; ++m) sink.code((block.qs[half + m] >> (2 * l)) & 3);
      sink.biased_group(f16_to_f32(block.d), 1);
    }
  }
}

void unpack(const BlockQ1_0& block, Sink& sink) {  // d = 2d * 1 - d, -d = 2d * 0 - d
  const float d = f16_to_f32(block.d);
  for (int j = 0; j < 128; ++j) sink.code((block.qs[j / 8] >> (j % 8)) & 1);
  for (int b = 0; b < 4; ++b) sink.group(2 * d, -d);
}

void unpack(const BlockQ2_0& block, Sink& sink) {
  for (int j = 0; j < 64; ++j) sink.code((block.qs[j / 4] >> (2 * (j % 4))) & 3);
  for (int b = 0; b < 2; ++b) sink.biased_group(f16_to_f32(block.d), 1);
}

}  // namespace

GroupInfo group_info(DType type) {
  switch (type) {
#define GANNET_CASE(name, id, elems, group, max_code) \
  case DType::k##name:                                \
    return {group, max_code};
    GANNET_BLOCK_TYPES(GANNET_CASE)
#undef GANNET_CASE
    default:
      return {0, 0};
  }
}

void decode_groups(DType type, const void* row, int64_t first, int64_t n, uint8_t* codes, float* scales,
                   float* offsets) {
  Sink sink{codes, scales, offsets};
  const bool known = block_codec::with_block(type, [&]<class Block>() {
    constexpr int kElems = block_codec::kElems<Block>;
    GANNET_CHECK(first % kElems == 0 && n % kElems == 0, "decode_groups: whole blocks only");
    const auto* blocks = static_cast<const Block*>(row) + first / kElems;
    for (int64_t b = 0; b < n / kElems; ++b) unpack(blocks[b], sink);
  });
  GANNET_CHECK(known, "decode_groups: the type has no group view");
}

}  // namespace gannet
