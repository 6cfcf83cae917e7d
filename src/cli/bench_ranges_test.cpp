#include "cli/bench_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gannet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<int64_t> numbers(const std::vector<std::string>& values) {
  Result<std::vector<int64_t>> parsed = parse_bench_numbers("-p", values);
  EXPECT_TRUE(parsed.ok()) << parsed.error().message();
  return parsed.ok() ? parsed.take() : std::vector<int64_t>();
}

std::string refusal(const std::string& value) {
  const Result<std::vector<int64_t>> parsed = parse_bench_numbers("-p", {value});
  if (parsed.ok()) return "accepted";
  EXPECT_EQ(parsed.error().code(), ErrorCode::kUsage);
  EXPECT_THAT(parsed.error().message(), HasSubstr("-p"));
  return parsed.error().message();
}

TEST(BenchRanges, ListsAndRepeats) {
  EXPECT_THAT(numbers({"512"}), ElementsAre(512));
  EXPECT_THAT(numbers({"1,2", "4", "0,1"}), ElementsAre(1, 2, 4, 0, 1));
  EXPECT_THAT(numbers({}), IsEmpty());
}

TEST(BenchRanges, Ranges) {
  EXPECT_THAT(numbers({"3-6"}), ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(numbers({"7-7"}), ElementsAre(7));
  EXPECT_THAT(numbers({"16-64+16"}), ElementsAre(16, 32, 48, 64));
  EXPECT_THAT(numbers({"16-63+16"}), ElementsAre(16, 32, 48));
  EXPECT_THAT(numbers({"1-64*4"}), ElementsAre(1, 4, 16, 64));
  EXPECT_THAT(numbers({"0-2,100-400*2"}), ElementsAre(0, 1, 2, 100, 200, 400));
  EXPECT_THAT(numbers({"1-9223372036854775807*4294967296"}), ElementsAre(1, int64_t{1} << 32));
}

TEST(BenchRanges, Refusals) {
  for (const char* bad : {"", ",", "x", "1x", "-1", "1-", "1-2-3", "1-8+", "1-8*", "1-8/2", "1-8+2x", "1 2",
                          "1.5", "99999999999999999999"})
    EXPECT_THAT(refusal(bad), HasSubstr("expected numbers")) << bad;
  EXPECT_THAT(refusal("8-1"), HasSubstr("ends before it begins"));
  for (const char* endless : {"1-8+0", "1-8*0", "1-8*1", "0-8*2"})
    EXPECT_THAT(refusal(endless), HasSubstr("never ends")) << endless;
  EXPECT_THAT(refusal("1-1000000"), HasSubstr("more than"));
}

TEST(BenchRanges, Pairs) {
  const auto pairs = parse_bench_pairs("-pg", {"512,128", "0,1"});
  ASSERT_TRUE(pairs.ok());
  EXPECT_THAT(pairs.value(), ElementsAre(Pair(512, 128), Pair(0, 1)));
  for (const char* bad : {"", "512", "512,", ",128", "1,2,3", "a,b", "1-2,3"})
    EXPECT_FALSE(parse_bench_pairs("-pg", {bad}).ok()) << bad;
}

TEST(BenchRanges, Words) {
  EXPECT_THAT(split_bench_words({"f16,q8_0", "", "f32,"}), ElementsAre("f16", "q8_0", "f32"));
}

}  // namespace
}  // namespace gannet
