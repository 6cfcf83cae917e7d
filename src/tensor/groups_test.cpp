// The group view is the same numbers as dequantize_row(), and the code books are the published ones.
#include "tensor/groups.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/codec.h"
#include "tensor/codec_test_support.h"
#include "tensor/grids.h"

namespace gannet {
namespace {

using namespace codec_test;

struct Groups {
  std::vector<uint8_t> codes;
  std::vector<float> scales, offsets;
};

Groups groups_of(DType type, const std::vector<uint8_t>& row, int64_t first, int64_t n) {
  const auto count = static_cast<size_t>(n / group_info(type).group);
  Groups groups{std::vector<uint8_t>(static_cast<size_t>(n)), std::vector<float>(count),
                std::vector<float>(count)};
  decode_groups(type, row.data(), first, n, groups.codes.data(), groups.scales.data(), groups.offsets.data());
  return groups;
}

TEST(Groups, EqualDequantizedValues) {
  for (const BlockFacts& facts : block_types()) {
    const DTypeInfo& info = dtype_info(facts.type);
    const GroupInfo group = group_info(facts.type);
    ASSERT_TRUE(group.group == 16 || group.group == 32) << info.name;
    const int64_t n = 16384, blocks = n / info.block_elems;
    const std::vector<uint8_t> row = random_sound_blocks(facts.type, 5, blocks);
    std::vector<float> values(static_cast<size_t>(n));
    dequantize_row(facts.type, row.data(), values.data(), n);
    const Groups groups = groups_of(facts.type, row, 0, n);
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t g = i / static_cast<size_t>(group.group);
      const double scale = groups.scales[g], offset = groups.offsets[g];
      const double value = scale * groups.codes[i] + offset;
      ASSERT_LE(std::fabs(value - values[i]), 1e-6 * std::fabs(values[i])) << info.name << " element " << i;
    }
  }
}

TEST(Groups, PiecesOfARow) {
  for (const BlockFacts& facts : block_types()) {
    const DTypeInfo& info = dtype_info(facts.type);
    const int64_t step = info.block_elems;
    const auto group = static_cast<size_t>(group_info(facts.type).group);
    const std::vector<uint8_t> row = random_sound_blocks(facts.type, 6, 6);
    const Groups whole = groups_of(facts.type, row, 0, 6 * step);
    const Groups piece = groups_of(facts.type, row, 2 * step, 3 * step);
    for (size_t i = 0; i < piece.codes.size(); ++i)
      ASSERT_EQ(piece.codes[i], whole.codes[i + 2 * static_cast<size_t>(step)]) << info.name;
    for (size_t g = 0; g < piece.scales.size(); ++g) {
      ASSERT_EQ(piece.scales[g], whole.scales[g + 2 * static_cast<size_t>(step) / group]) << info.name;
      ASSERT_EQ(piece.offsets[g], whole.offsets[g + 2 * static_cast<size_t>(step) / group]) << info.name;
    }
  }
}

// The declared bound is kept by any bytes, and reached, so kernels may size their integer sums by it.
TEST(Groups, MaxCodeIsTight) {
  for (const BlockFacts& facts : block_types()) {
    const DTypeInfo& info = dtype_info(facts.type);
    int largest = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      const std::vector<uint8_t> row = random_bytes(seed + 1000, static_cast<size_t>(4 * info.block_bytes));
      for (const uint8_t code : groups_of(facts.type, row, 0, 4 * info.block_elems).codes)
        largest = std::max<int>(largest, code);
    }
    EXPECT_EQ(largest, group_info(facts.type).max_code) << info.name;
  }
}

TEST(Groups, OnlyBlockTypesHaveThem) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(group_info(type).group != 0, dtype_info(type).quantized) << dtype_info(type).name;
  }
}

template <class Table>
std::string hash_of(const Table& table) {  // entries are little-endian words, so memory is element order
  return sha256_hex(table.data(), sizeof(table)).substr(0, 16);
}

TEST(Grids, ArePublished) {
  EXPECT_EQ(hash_of(kGridIq2xxs), "05826b5d3e472a3a");
  EXPECT_EQ(hash_of(kGridIq2xs), "06e47aaca60b4dc1");
  EXPECT_EQ(hash_of(kGridIq2s), "e1aa1473412b0552");
  EXPECT_EQ(hash_of(kGridIq3xxs), "46e35f5a997efdee");
  EXPECT_EQ(hash_of(kGridIq3s), "bd1af4945a1717c6");
  EXPECT_EQ(hash_of(kGridIq1), "07540ffc1aeaf6ad");
  EXPECT_EQ(hash_of(kEvenSigns), "a76742a603f8beca");
}

}  // namespace
}  // namespace gannet
