#include "tensor/codec_test_support.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <cmath>
#include <fstream>
#include <sstream>

#include "base/check.h"

namespace gannet::codec_test {

const std::vector<BlockFacts>& block_types() {
  static const std::vector<BlockFacts> kTypes = {
      {DType::kQ4_0, {0}},    {DType::kQ4_1, {0, 2}},   {DType::kQ5_0, {0}},   {DType::kQ5_1, {0, 2}},
      {DType::kQ8_0, {0}},    {DType::kQ2_K, {80, 82}}, {DType::kQ3_K, {108}}, {DType::kQ4_K, {0, 2}},
      {DType::kQ5_K, {0, 2}}, {DType::kQ6_K, {208}},    {DType::kIQ1_S, {0}},  {DType::kIQ1_M, {}},
      {DType::kIQ2_XXS, {0}}, {DType::kIQ2_XS, {0}},    {DType::kIQ2_S, {0}},  {DType::kIQ3_XXS, {0}},
      {DType::kIQ3_S, {0}},   {DType::kIQ4_NL, {0}},    {DType::kIQ4_XS, {0}}, {DType::kTQ1_0, {52}},
      {DType::kTQ2_0, {64}},  {DType::kMXFP4, {}},      {DType::kNVFP4, {}},   {DType::kQ1_0, {0}},
      {DType::kQ2_0, {0}},
  };
  return kTypes;
}

const BlockFacts& facts_of(DType type) {
  for (const BlockFacts& facts : block_types())
    if (facts.type == type) return facts;
  GANNET_CHECK(false, "not a block type");
  return block_types().front();
}

std::string type_name(DType type) {
  return std::string(dtype_info(type).name);
}

std::vector<uint8_t> random_bytes(uint64_t seed, size_t n) {
  Lcg random(seed);
  std::vector<uint8_t> bytes(n);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
  return bytes;
}

std::vector<uint8_t> random_sound_blocks(DType type, uint64_t seed, int64_t blocks) {
  const auto size = static_cast<size_t>(dtype_info(type).block_bytes);
  std::vector<uint8_t> bytes = random_bytes(seed, static_cast<size_t>(blocks) * size);
  for (size_t at = 0; at < bytes.size(); at += size) {
    for (const int field : facts_of(type).half_fields) bytes[at + static_cast<size_t>(field) + 1] &= 0xBF;
    if (type == DType::kIQ1_M) bytes[at + 55] &= 0xBF;  // the top nibble of the half sits in the last byte
    if (type == DType::kMXFP4 && bytes[at] > 252) bytes[at] = 252;
  }
  return bytes;
}

std::vector<WeighedRow> encoder_rows() {
  Lcg random(2026);
  std::vector<WeighedRow> rows(60);
  for (size_t k = 0; k < rows.size(); ++k) {
    const float size = std::ldexp(1.0f, static_cast<int>(random.next() % 10) - 6);
    std::vector<float>& x = rows[k].x;
    x.resize(256);
    for (float& value : x) {
      int sum = -4 * (1 << 19);
      for (int i = 0; i < 4; ++i) sum += static_cast<int>(random.next() >> 12);
      value = static_cast<float>(sum) * size / static_cast<float>(1 << 20);
    }
    const float first = x[0];
    for (size_t i = 0; i < 256; ++i) {
      switch (k % 10) {
        case 1:
          x[i] = 0.0f;
          break;
        case 2:
          x[i] = std::fabs(first);
          break;
        case 3:
          x[i] = -std::fabs(first);
          break;
        case 4:
          x[i] = i % 11 == 3 ? x[i] : 0.0f;
          break;
        case 5:
          x[i] = std::fabs(x[i]);
          break;
        case 6:
          x[i] = -std::fabs(x[i]);
          break;
        case 7:
          x[i] = i < 128 ? std::ldexp(x[i], -60) : x[i];
          break;
        case 8:
          x[i] = x[i] > size / 4 ? first : x[i] < -size / 4 ? -first : 0.0f;
          break;
        default:
          break;
      }
    }
    rows[k].w.resize(256);
    for (float& weight : rows[k].w) weight = static_cast<float>((random.next() >> 12) + 1) / 65536.0f;
  }
  return rows;
}

WeighedRow golden_row() {
  WeighedRow row;
  for (int i = 0; i < 256; ++i) {
    row.x.push_back(static_cast<float>(((37 * i + 11) % 101 - 50) * (1 + i % 7)) / 256.0f);
    row.w.push_back(static_cast<float>(13 * i % 29 + 1) / 8.0f);
  }
  return row;
}

std::string sha256_hex(const void* data, size_t n) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  GANNET_CHECK(EVP_Digest(data, n, digest.data(), &size, EVP_sha256(), nullptr) == 1);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

std::string sha256_hex(const std::vector<float>& values) {
  return sha256_hex(values.data(), values.size() * sizeof(float));
}

std::vector<std::vector<std::string>> golden_lines(std::string_view kind) {
  std::ifstream file("tests/data/block_goldens.txt");
  EXPECT_TRUE(file.is_open()) << "run from the source directory: tests/data/block_goldens.txt is not here";
  std::vector<std::vector<std::string>> lines;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string word;
    if (!(words >> word) || word != kind) continue;
    lines.emplace_back();
    while (words >> word) lines.back().push_back(word);
  }
  EXPECT_FALSE(lines.empty()) << "no line of kind " << kind;
  return lines;
}

std::vector<uint8_t> from_hex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

}  // namespace gannet::codec_test
