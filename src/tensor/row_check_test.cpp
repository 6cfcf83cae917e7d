// find_bad_block(): silent on every sound row, exact about the first bad block, and strict enough that a row
// it passes decodes to finite values.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/codec.h"
#include "tensor/codec_test_support.h"
#include "tensor/groups.h"

namespace gannet {
namespace {

using namespace codec_test;

constexpr int64_t kBlocks = 8;
constexpr uint16_t kBadHalves[] = {0x7C00, 0xFC00, 0x7E00, 0xFE01, 0x7C01, 0x7FFF};  // infinities and NaNs

int64_t check(DType type, const std::vector<uint8_t>& bytes) {
  return find_bad_block(type, bytes.data(), kBlocks * dtype_info(type).block_elems);
}

TEST(FindBadBlock, SoundRowsPass) {
  for (const BlockFacts& facts : block_types())
    for (uint64_t seed = 0; seed < 20; ++seed) {
      std::vector<uint8_t> bytes = random_sound_blocks(facts.type, seed, kBlocks);
      if (facts.type == DType::kNVFP4)
        for (size_t b = 0; b < kBlocks; ++b)
          for (size_t s = 0; s < 4; ++s) bytes[36 * b + s] &= 0x7F;
      EXPECT_EQ(check(facts.type, bytes), -1) << type_name(facts.type);
    }
}

TEST(FindBadBlock, EveryHalfScaleIsChecked) {
  for (const BlockFacts& facts : block_types()) {
    const auto size = static_cast<size_t>(dtype_info(facts.type).block_bytes);
    for (const int field : facts.half_fields) {
      for (const uint16_t half : kBadHalves) {
        for (size_t bad = 0; bad < kBlocks; ++bad) {
          std::vector<uint8_t> bytes = random_sound_blocks(facts.type, 3, kBlocks);
          std::memcpy(bytes.data() + bad * size + field, &half, 2);
          std::memcpy(bytes.data() + (kBlocks - 1) * size + field, &half, 2);  // a later one must not win
          EXPECT_EQ(check(facts.type, bytes), static_cast<int64_t>(bad))
              << type_name(facts.type) << ' ' << field;
        }
      }
    }
  }
}

TEST(FindBadBlock, AssembledScaleOfIq1m) {
  for (const uint16_t half : kBadHalves) {
    std::vector<uint8_t> bytes = random_sound_blocks(DType::kIQ1_M, 3, kBlocks);
    // Nibble k of the half is the top nibble of scale word k.
    for (size_t k = 0; k < 4; ++k) {
      uint8_t& top = bytes[5 * 56 + 48 + 2 * k + 1];
      top = static_cast<uint8_t>((top & 0x0F) | ((half >> (4 * k)) & 15) << 4);
    }
    EXPECT_EQ(check(DType::kIQ1_M, bytes), 5);
  }
}

TEST(FindBadBlock, ExponentScaleOfMxfp4) {
  for (int e = 0; e < 256; ++e) {
    std::vector<uint8_t> bytes = random_sound_blocks(DType::kMXFP4, 3, kBlocks);
    bytes[2 * 17] = static_cast<uint8_t>(e);
    std::memset(bytes.data() + 2 * 17 + 1, 0x7F, 16);  // the largest codes, 6 and -6
    float out[32];
    dequantize_row(DType::kMXFP4, bytes.data() + 2 * 17, out, 32);
    const bool representable = e != 255 && std::isfinite(out[0]) && std::isfinite(out[16]);
    EXPECT_EQ(check(DType::kMXFP4, bytes), representable ? -1 : 2) << e;
  }
}

TEST(FindBadBlock, SignBitOfAnNvfp4Scale) {
  for (size_t s = 0; s < 4; ++s)
    for (int scale = 0; scale < 256; ++scale) {
      std::vector<uint8_t> bytes(36 * kBlocks, 0x11);
      bytes[36 * 6 + s] = static_cast<uint8_t>(scale);
      EXPECT_EQ(check(DType::kNVFP4, bytes), scale < 128 ? -1 : 6);
    }
}

template <class T>
void expect_found_in_scalars(DType type, T good, std::initializer_list<T> bads) {
  std::vector<T> row(9, good);
  EXPECT_EQ(find_bad_block(type, row.data(), 9), -1) << type_name(type);
  for (const T bad : bads) {
    for (size_t at = 0; at < row.size(); ++at) {
      std::vector<T> damaged = row;
      damaged[at] = damaged.back() = bad;
      EXPECT_EQ(find_bad_block(type, damaged.data(), 9), static_cast<int64_t>(at)) << type_name(type);
    }
  }
}

TEST(FindBadBlock, FloatingElements) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  expect_found_in_scalars<float>(DType::kF32, std::numeric_limits<float>::max(), {kInf, -kInf, kNan, -kNan});
  expect_found_in_scalars<uint16_t>(DType::kF16, 0xFBFF, {0x7C00, 0xFC00, 0x7C01, 0xFFFF});
  expect_found_in_scalars<uint16_t>(DType::kBF16, 0xFF7F, {0x7F80, 0xFF80, 0x7F81, 0xFFFF});
  expect_found_in_scalars<double>(DType::kF64, 3.0e38,
                                  {1.0e39, static_cast<double>(kInf), static_cast<double>(kNan)});
  const int32_t anything[4] = {-1, 0x7F800000, 0x7FC00000, 0};
  EXPECT_EQ(find_bad_block(DType::kI32, anything, 4), -1);
}

// Hostile bytes in buffers of the exact size: nothing is read past the end (the sanitizer build watches), and
// what passes the check decodes to numbers, in both views.
TEST(FindBadBlock, WhatPassesIsFinite) {
  for (const BlockFacts& facts : block_types()) {
    const DTypeInfo& info = dtype_info(facts.type);
    int passed = 0, refused = 0;
    for (uint64_t seed = 0; seed < 4000; ++seed) {
      const std::vector<uint8_t> bytes = random_bytes(seed * 31 + 7, static_cast<size_t>(info.block_bytes));
      std::vector<float> out(static_cast<size_t>(info.block_elems));
      dequantize_row(facts.type, bytes.data(), out.data(), info.block_elems);
      bool finite = true;
      for (const float value : out) finite = finite && std::isfinite(value);
      const auto count = static_cast<size_t>(info.block_elems / group_info(facts.type).group);
      std::vector<uint8_t> codes(out.size());
      std::vector<float> scales(count), offsets(count);
      decode_groups(facts.type, bytes.data(), 0, info.block_elems, codes.data(), scales.data(),
                    offsets.data());
      for (const float value : scales) finite = finite && std::isfinite(value);
      for (const float value : offsets) finite = finite && std::isfinite(value);
      if (find_bad_block(facts.type, bytes.data(), info.block_elems) < 0) {
        ++passed;
        EXPECT_TRUE(finite) << type_name(facts.type) << " seed " << seed;
      } else {
        ++refused;
      }
    }
    EXPECT_GT(passed, 100) << type_name(facts.type);
    EXPECT_GT(refused, 10) << type_name(facts.type);
  }
}

}  // namespace
}  // namespace gannet
