#include "tensor/planes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "tensor/codec_test_support.h"

namespace gannet {
namespace {

using codec_test::random_bytes;

std::vector<DType> types() {
  std::vector<DType> all;
  for (int i = 0; i < kDTypeCount; ++i)
    if (!plane_fields(static_cast<DType>(i)).empty()) all.push_back(static_cast<DType>(i));
  return all;
}

struct PlanesTest : testing::TestWithParam<DType> {
  const DType type = GetParam();
  const DTypeInfo& info = dtype_info(type);
};

TEST_P(PlanesTest, HaveEveryByteOfABlockOnce) {
  std::vector<int> seen(static_cast<size_t>(info.block_bytes), 0);
  EXPECT_LE(plane_fields(type).size(), kMostPlanes);
  for (const PlaneField& field : plane_fields(type))
    for (int i = field.at; i < field.at + field.bytes; ++i) ++seen.at(static_cast<size_t>(i));
  EXPECT_EQ(std::ranges::count(seen, 1), info.block_bytes);
}

// Where a byte of a block is, by the words of the header.
TEST_P(PlanesTest, LieOneAfterTheOtherFromAMultipleOf16OnAndAroundTheEnd) {
  int n_tried = 0;
  for (int64_t blocks = 1; blocks < 40; ++blocks) {
    const int64_t n = blocks * info.block_elems, bytes = row_bytes(type, n), n_rows = 17;
    if (!in_planes(type, n)) continue;
    for (const uintptr_t address : {uintptr_t{0}, uintptr_t{4096 + 34}, uintptr_t{62}}) {
      const std::vector<uint8_t> from =
          random_bytes(static_cast<uint64_t>(blocks), static_cast<size_t>(n_rows * bytes));
      std::vector<uint8_t> planes(from.size());
      blocks_to_planes(type, n, std::as_bytes(std::span(from)), reinterpret_cast<std::byte*>(planes.data()),
                       address);
      for (int64_t r = 0; r < n_rows; ++r) {
        uintptr_t lead = 0;
        while ((address + static_cast<uintptr_t>(r * bytes) + lead) % 16 != 0) ++lead;
        int64_t at = static_cast<int64_t>(lead);
        for (const PlaneField& field : plane_fields(type))
          for (int64_t b = 0; b < blocks; ++b)
            for (int64_t i = 0; i < field.bytes; ++i, ++at) {
              if (field.wide) {
                ASSERT_LT(at, bytes);
              }
              ASSERT_EQ(planes.at(static_cast<size_t>(r * bytes + at % bytes)),
                        from.at(static_cast<size_t>(r * bytes + b * info.block_bytes + field.at + i)));
            }
      }
      ++n_tried;
    }
  }
  EXPECT_GT(n_tried, 60);
}

// A row by itself, at another place, is what it is in the matrix there.
TEST_P(PlanesTest, RowsDoNotKnowEachOther) {
  const int64_t n = 17 * info.block_elems, bytes = row_bytes(type, n);
  const std::vector<uint8_t> from = random_bytes(5, static_cast<size_t>(9 * bytes));
  std::vector<uint8_t> all(from.size()), one(from.size());
  blocks_to_planes(type, n, std::as_bytes(std::span(from)), reinterpret_cast<std::byte*>(all.data()), 6);
  for (int64_t r = 0; r < 9; ++r)
    blocks_to_planes(
        type, n,
        std::as_bytes(std::span(from)).subspan(static_cast<size_t>(r * bytes), static_cast<size_t>(bytes)),
        reinterpret_cast<std::byte*>(one.data()) + r * bytes, 6 + static_cast<uintptr_t>(r * bytes));
  EXPECT_EQ(all, one);
}

INSTANTIATE_TEST_SUITE_P(Types, PlanesTest, testing::ValuesIn(types()),
                         [](const auto& test) { return codec_test::type_name(test.param); });

TEST(Planes, TypesOfWholeWordsHaveNone) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    if (dtype_info(type).block_bytes % 4 != 0) continue;
    EXPECT_TRUE(plane_fields(type).empty()) << dtype_info(type).name;
  }
  for (const DType type :
       {DType::kQ4_0, DType::kQ5_0, DType::kQ8_0, DType::kQ3_K, DType::kQ6_K, DType::kIQ4_NL, DType::kMXFP4})
    EXPECT_TRUE(in_planes(type, 512)) << dtype_info(type).name;
  EXPECT_FALSE(in_planes(DType::kQ8_0, 96));
  EXPECT_FALSE(in_planes(DType::kQ4_K, 2048));
}

}  // namespace
}  // namespace gannet
