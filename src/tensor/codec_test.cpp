// The codec against the reference implementation's answers, byte for byte and bit for bit, and its behaviour
// on rows that no encoder wrote.
#include "tensor/codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>

#include "tensor/block_codec.h"
#include "tensor/codec_test_support.h"

namespace gannet {
namespace {

using namespace codec_test;

// First 16 hex digits of the SHA-256 of the golden row's encoding, as published for the formats: {plain,
// weighed}; "" where the type needs weights.
const std::map<std::string, std::pair<std::string, std::string>>& published_hashes() {
  static const std::map<std::string, std::pair<std::string, std::string>> kHashes = {
      {"Q4_0", {"a08bb1536b490803", "a4702a65970493d7"}},
      {"Q4_1", {"a241139fe313c262", "657504379dd5a797"}},
      {"Q5_0", {"97dc3cee54ef06db", "a59a03d401df4868"}},
      {"Q5_1", {"c60019a678978696", "e190c4cf42e78542"}},
      {"Q8_0", {"fe6697a50156d873", "fe6697a50156d873"}},
      {"Q2_K", {"25416f025acc90db", "a8d0ea3979cc605b"}},
      {"Q3_K", {"fcce676fa6f262bf", "be9f53179707429f"}},
      {"Q4_K", {"52a9c47b7813a675", "2d0771beb6c07992"}},
      {"Q5_K", {"ff9d032cd94a4dfc", "9713a1cb65029e2a"}},
      {"Q6_K", {"b56126f1b455dd5b", "32620955b7c1b757"}},
      {"IQ2_XXS", {"", "e2d9d5a2e99495b3"}},
      {"IQ2_XS", {"", "53641efe85cd21ee"}},
      {"IQ3_XXS", {"f24a78b73dffd38a", "ffd6f5fb5961dd04"}},
      {"IQ1_S", {"", "152bba4bf69dec3a"}},
      {"IQ4_NL", {"55d39e3e0775feca", "0a1d6b24b7404069"}},
      {"IQ3_S", {"6ab4b2d2f5dbded0", "71bd71a6b7010617"}},
      {"IQ2_S", {"8636e09a9adc059a", "1237323f88eccb65"}},
      {"IQ4_XS", {"e6b0311ef2bb02d0", "a0f4739ad836d840"}},
      {"IQ1_M", {"286bb535b4ea080c", "991e4c0faa8a9e77"}},
      {"TQ1_0", {"d81a2282aa5dd8c4", "d81a2282aa5dd8c4"}},
      {"TQ2_0", {"4ba7c7d577d5bded", "4ba7c7d577d5bded"}},
      {"MXFP4", {"68525bb776241b40", "68525bb776241b40"}},
      {"NVFP4", {"723b0bc1942aa968", "723b0bc1942aa968"}},
      {"Q1_0", {"92b5e782036cb784", "92b5e782036cb784"}},
      {"Q2_0", {"b6f90af8f89bc3f8", "b6f90af8f89bc3f8"}},
  };
  return kHashes;
}

std::vector<float> decoded(DType type, const std::vector<uint8_t>& bytes) {
  const DTypeInfo& info = dtype_info(type);
  std::vector<float> values(bytes.size() / static_cast<size_t>(info.block_bytes) *
                            static_cast<size_t>(info.block_elems));
  dequantize_row(type, bytes.data(), values.data(), static_cast<int64_t>(values.size()));
  return values;
}

std::vector<uint8_t> encoded(DType type, const WeighedRow& row, bool weighed) {
  const auto n = static_cast<int64_t>(row.x.size());
  std::vector<uint8_t> bytes(static_cast<size_t>(row_bytes(type, n)));
  quantize_row(type, row.x.data(), bytes.data(), n, weighed ? row.w.data() : nullptr);
  return bytes;
}

TEST(CodecGolden, EveryTypeHasItsGoldens) {
  std::map<std::string, int> golden, decode;
  for (const auto& line : golden_lines("golden")) ++golden[line[0]];
  for (const auto& line : golden_lines("decode")) ++decode[line[0]];
  for (const BlockFacts& facts : block_types()) {
    const std::string name = type_name(facts.type);
    EXPECT_EQ(golden[name], published_hashes().at(name).first.empty() ? 1 : 2) << name;
    EXPECT_EQ(decode[name], 1) << name;
  }
  EXPECT_EQ(golden.size(), block_types().size());
  EXPECT_EQ(decode.size(), block_types().size());
}

TEST(CodecGolden, BytesAreThePublishedOnes) {
  for (const auto& line : golden_lines("golden")) {
    const std::vector<uint8_t> bytes = from_hex(line[4]);
    const auto& [plain, weighed] = published_hashes().at(line[0]);
    EXPECT_EQ(sha256_hex(bytes.data(), bytes.size()).substr(0, 16), line[1] == "plain" ? plain : weighed)
        << line[0];
  }
}

TEST(CodecGolden, DecodingIsBitExact) {
  const WeighedRow row = golden_row();
  for (const auto& line : golden_lines("golden")) {
    const DType type = dtype_from_name(line[0]).value();
    const std::vector<float> values = decoded(type, from_hex(line[4]));
    ASSERT_EQ(values.size(), 256u) << line[0];
    EXPECT_EQ(sha256_hex(values), line[3]) << line[0] << ' ' << line[1];
    double sum = 0;
    for (size_t i = 0; i < 256; ++i) sum += std::pow(static_cast<double>(values[i]) - row.x[i], 2);
    char rms[32];
    std::snprintf(rms, sizeof(rms), "%.6f", std::sqrt(sum / 256));
    EXPECT_EQ(rms, line[2]) << line[0] << ' ' << line[1];
  }
}

TEST(CodecGolden, RandomBlocksDecodeBitExact) {
  for (const auto& line : golden_lines("decode")) {
    const DType type = dtype_from_name(line[0]).value();
    const auto seed = static_cast<uint64_t>(dtype_info(type).gguf_id) + 1;
    const std::vector<uint8_t> bytes = random_sound_blocks(type, seed, std::stoll(line[1]));
    ASSERT_EQ(sha256_hex(bytes.data(), bytes.size()), line[2]) << line[0] << ": the test made other blocks";
    EXPECT_EQ(sha256_hex(decoded(type, bytes)), line[3]) << line[0];
  }
}

TEST(CodecGolden, EncodersReproduceTheGoldenRow) {
  int compared = 0;
  for (const auto& line : golden_lines("golden")) {
    const DType type = dtype_from_name(line[0]).value();
    if (!can_quantize(type)) continue;
    EXPECT_EQ(encoded(type, golden_row(), line[1] == "weighed"), from_hex(line[4]))
        << line[0] << ' ' << line[1];
    ++compared;
  }
  EXPECT_EQ(compared, 2 * 18);
}

TEST(CodecGolden, EncodersReproduceRandomAndDegenerateRows) {
  const std::vector<WeighedRow> rows = encoder_rows();
  int compared = 0;
  for (const auto& line : golden_lines("encode")) {
    const DType type = dtype_from_name(line[0]).value();
    if (!can_quantize(type)) continue;
    std::vector<uint8_t> all;
    for (const WeighedRow& row : rows) {
      const std::vector<uint8_t> bytes = encoded(type, row, line[1] == "weighed");
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    EXPECT_EQ(sha256_hex(all.data(), all.size()), line[2]) << line[0] << ' ' << line[1];
    ++compared;
  }
  EXPECT_EQ(compared, 2 * 18);
}

TEST(Codec, LayoutsAgreeWithTheTypeTable) {
  for (const BlockFacts& facts : block_types()) {
    const bool known = block_codec::with_block(facts.type, [&]<class Block>() {
      EXPECT_EQ(static_cast<int>(sizeof(Block)), dtype_info(facts.type).block_bytes) << type_name(facts.type);
      EXPECT_EQ(block_codec::kElems<Block>, dtype_info(facts.type).block_elems) << type_name(facts.type);
      EXPECT_EQ(alignof(Block), 1u) << type_name(facts.type);
    });
    EXPECT_TRUE(known) << type_name(facts.type);
  }
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(block_codec::with_block(type, []<class Block>() {}), dtype_info(type).quantized) << i;
  }
}

TEST(Codec, ScalarRowsWidenExactly) {
  const double doubles[] = {1.5, -0x1p-149, 3.0e38, 0.1};
  float out[4];
  dequantize_row(DType::kF64, doubles, out, 4);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(out[i], static_cast<float>(doubles[i]));

  // Every half and every bfloat16 survives widening and narrowing, from an odd address.
  for (const DType type : {DType::kF16, DType::kBF16}) {
    const uint16_t infinity = type == DType::kF16 ? 0x7C00 : 0x7F80;
    std::vector<uint8_t> bytes(1 + 2 * 65536), back(2 * 65536);
    for (uint32_t i = 0; i < 65536; ++i) {
      const auto bits =
          static_cast<uint16_t>((i & 0x7FFF) > infinity ? 0 : i);  // NaNs need not keep their payload
      std::memcpy(bytes.data() + 1 + 2 * i, &bits, 2);
    }
    std::vector<float> wide(65536);
    dequantize_row(type, bytes.data() + 1, wide.data(), 65536);
    quantize_row(type, wide.data(), back.data(), 65536);
    EXPECT_EQ(std::memcmp(bytes.data() + 1, back.data(), back.size()), 0) << type_name(type);
  }
  const float tie_down = 1.0f + 0x1p-11f, tie_up = 1.0f + 3 * 0x1p-11f;  // halfway between two halves
  const float wide[] = {tie_down, tie_up, 65520.0f, -65519.0f};
  uint16_t narrow[4];
  quantize_row(DType::kF16, wide, narrow, 4);
  EXPECT_EQ(narrow[0], 0x3C00);
  EXPECT_EQ(narrow[1], 0x3C02);
  EXPECT_EQ(narrow[2], 0x7C00);
  EXPECT_EQ(narrow[3], 0xFBFF);
  const float nans[] = {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN(),
                        std::bit_cast<float>(0x7F800001u), std::bit_cast<float>(0xFF800001u)};
  for (const DType type : {DType::kF16, DType::kBF16}) {
    float back[4];
    quantize_row(type, nans, narrow, 4);
    dequantize_row(type, narrow, back, 4);
    for (const float value : back) EXPECT_TRUE(std::isnan(value)) << type_name(type);
  }
  float same[4];
  quantize_row(DType::kF32, wide, same, 4);
  EXPECT_EQ(std::memcmp(same, wide, sizeof(same)), 0);
}

TEST(Codec, CanQuantizeNamesTheEncoders) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    const std::string name = type_name(type);
    const bool grid = name.starts_with("IQ") && !name.starts_with("IQ4");
    const bool floating = name == "F32" || name == "F16" || name == "BF16";
    EXPECT_EQ(can_quantize(type), floating || (dtype_info(type).quantized && !grid)) << name;
  }
}

// A row and its pieces: blocks know nothing of their neighbours, and the row of a pointer at any address
// reads the same.
TEST(Codec, BlocksAreIndependentAndUnaligned) {
  for (const BlockFacts& facts : block_types()) {
    const auto size = static_cast<size_t>(dtype_info(facts.type).block_bytes);
    const auto elems = static_cast<size_t>(dtype_info(facts.type).block_elems);
    const std::vector<uint8_t> bytes = random_sound_blocks(facts.type, 77, 5);
    const std::vector<float> whole = decoded(facts.type, bytes);
    for (size_t b = 0; b < 5; ++b) {
      std::vector<uint8_t> shifted(size + 1);
      std::memcpy(shifted.data() + 1, bytes.data() + b * size, size);
      std::vector<float> piece(elems);
      dequantize_row(facts.type, shifted.data() + 1, piece.data(), static_cast<int64_t>(elems));
      EXPECT_EQ(std::memcmp(piece.data(), whole.data() + b * elems, elems * sizeof(float)), 0)
          << type_name(facts.type) << " block " << b;
    }
  }
}

// Scale byte that a block of sixteen gets when its largest element is six times `v`.
uint8_t nvfp4_scale_byte(float v) {
  std::vector<float> x(64, 0.0f);
  x[5] = -6.0f * v;
  uint8_t bytes[36];
  quantize_row(DType::kNVFP4, x.data(), bytes, 64);
  return bytes[0];
}

TEST(Codec, Nvfp4ScalesRoundHalfUp) {
  for (int byte = 0; byte < 0x7F; ++byte) {
    const float v = 2.0f * nvfp4_scale(static_cast<uint8_t>(byte));
    EXPECT_EQ(nvfp4_scale_byte(v), byte < 0x78 ? byte : 0x7E) << byte;
    const float middle = (v + 2.0f * nvfp4_scale(static_cast<uint8_t>(byte + 1))) / 2.0f;
    if (byte >= 8 && byte < 0x77) {
      EXPECT_EQ(nvfp4_scale_byte(middle), byte + 1) << byte;
      EXPECT_EQ(nvfp4_scale_byte(middle * (1.0f - 0x1p-20f)), byte) << byte;
    }
  }
  EXPECT_EQ(nvfp4_scale_byte(255.0f), 0x7E);  // carries out of the last exponent that is rounded
  EXPECT_EQ(nvfp4_scale_byte(1.0e6f), 0x7E);
}

// All weight lies on elements that the table hits with scale 1, so the others are coded at scale 1 exactly.
TEST(Codec, Iq4TiesGoToTheUpperEntry) {
  std::vector<float> x(32), w(32, 0.0f);
  for (size_t i = 0; i < 16; ++i) {
    x[i] = static_cast<float>(kKnl[i]);
    w[i] = 1.0f;
    x[i + 16] = i < 15 ? static_cast<float>(kKnl[i] + kKnl[i + 1]) / 2.0f : 0.0f;
  }
  BlockIQ4_NL block;
  quantize_row(DType::kIQ4_NL, x.data(), &block, 32, w.data());
  EXPECT_EQ(f16_to_f32(block.d), 1.0f);
  for (int i = 0; i < 15; ++i) {
    EXPECT_EQ(block.qs[i] & 15, i);
    EXPECT_EQ(block.qs[i] >> 4, i + 1);
  }
}

// Extreme but finite input: no undefined conversion (the sanitizer build watches), and either a sound row or
// one that find_bad_block() reports because the half-precision scale overflowed.
TEST(Codec, EncodersSurviveExtremeValues) {
  const float kSizes[] = {std::numeric_limits<float>::denorm_min(), 1e-40f, 1e-30f, 1e-8f, 6e4f, 1e7f, 1e18f};
  for (const BlockFacts& facts : block_types()) {
    if (!can_quantize(facts.type)) continue;
    for (const float size : kSizes) {
      for (const bool weighed : {false, true}) {
        WeighedRow row = golden_row();
        for (float& value : row.x) value *= size;
        for (size_t i = 0; i < row.w.size(); ++i)
          if (i % 64 < 32) row.w[i] = 0.0f;
        const std::vector<uint8_t> bytes = encoded(facts.type, row, weighed);
        const bool sound = find_bad_block(facts.type, bytes.data(), 256) < 0;
        if (size < 1.0f) {
          EXPECT_TRUE(sound) << type_name(facts.type) << ' ' << size;
        }
        if (sound) {
          for (const float value : decoded(facts.type, bytes)) ASSERT_TRUE(std::isfinite(value)) << size;
        }
      }
    }
  }
}

TEST(Codec, ImportanceThatIsZeroEverywhereStillGivesASoundRow) {
  for (const BlockFacts& facts : block_types()) {
    if (!can_quantize(facts.type)) continue;
    WeighedRow row = golden_row();
    row.w.assign(256, 0.0f);
    const std::vector<uint8_t> bytes = encoded(facts.type, row, true);
    EXPECT_EQ(find_bad_block(facts.type, bytes.data(), 256), -1) << type_name(facts.type);
  }
}

TEST(CodecDeath, MisuseStops) {
  float out[256] = {};
  uint8_t bytes[256] = {};
  EXPECT_DEATH(dequantize_row(DType::kQ4_0, bytes, out, 33), "whole blocks");
  EXPECT_DEATH(dequantize_row(DType::kI32, bytes, out, 4), "no float meaning");
  EXPECT_DEATH(quantize_row(DType::kIQ1_S, out, bytes, 256), "can_quantize");
}

}  // namespace
}  // namespace gannet
