#include "cli/bench_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gannet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two runs over three prompts of two kinds; `faster` than without drafts.
BenchRecord record(const std::string& spec, double faster) {
  BenchRecord r;
  r.build_commit = "abc1234";
  r.spec = spec;
  r.n_gen = 4;
  for (const int64_t ns : {1000, 2000}) {
    const auto time = [&](int64_t parts) {
      return static_cast<int64_t>(static_cast<double>(parts * ns) / faster);
    };
    r.samples_ns.push_back(time(8));
    r.samples_tokens.push_back(6);
    r.answers.push_back({{"code", "a", {1, 2, 3, 4}, "text a", time(3)},
                         {"prose", "b", {5}, "text b", time(0)},
                         {"code", "c", {6, 7, 8, 9}, "text c", time(5)}});
  }
  return r;
}

TEST(BenchComparison, RatesOfAllAndOfKinds) {
  BenchRecord off = record("off", 1), fast = record("auto", 2);
  EXPECT_THAT(compare_with_off(fast, &off), IsEmpty());
  EXPECT_DOUBLE_EQ(fast.ratio_to_off, 2);
  EXPECT_EQ(fast.same_text, 3);
  ASSERT_EQ(fast.kinds.size(), 2u);
  EXPECT_EQ(fast.kinds[0].name, "code");
  EXPECT_DOUBLE_EQ(fast.kinds[0].ratio_to_off, 2);
  EXPECT_THAT(fast.kinds[0].samples_ts, ElementsAre(2 * 6e9 / 8000, 2 * 6e9 / 16000));
  EXPECT_DOUBLE_EQ(fast.kinds[1].ratio_to_off, 0);  // nothing to time

  EXPECT_THAT(compare_with_off(off, &off), IsEmpty());
  EXPECT_DOUBLE_EQ(off.ratio_to_off, 1);
  BenchRecord alone = record("auto", 1);
  EXPECT_THAT(compare_with_off(alone, nullptr), IsEmpty());
  EXPECT_EQ(alone.same_text, -1);
  EXPECT_EQ(alone.kinds.size(), 2u);
}

TEST(BenchComparison, RunsAreComparedWithThoseBesideThem) {
  BenchRecord off, other;
  off.n_gen = other.n_gen = 1;
  off.samples_ns = {1000, 2000, 4000};
  other.samples_ns = {1000, 2500, 5000};
  compare_with_off(other, &off);
  EXPECT_DOUBLE_EQ(other.ratio_to_off, 0.8);
  EXPECT_EQ(other.same_text, -1);
}

TEST(BenchComparison, NamesTheAnswersThatDiffer) {
  const BenchRecord off = record("off", 1);
  BenchRecord other = record("auto", 1);
  other.answers[1][0].tokens[2] = 30;  // in one of the runs
  other.answers[0][1].tokens.push_back(6);
  other.answers[0][2].tokens.pop_back();
  EXPECT_THAT(compare_with_off(other, &off),
              ElementsAre("code a: token 3 of the answer is 30, without drafts 3",
                          "prose b: token 2 of the answer is 6, without drafts the end",
                          "code c: token 4 of the answer is the end, without drafts 9"));
  EXPECT_EQ(other.same_text, 0);
}

TEST(BenchComparison, Printed) {
  BenchRecord off = record("off", 1), fast = record("auto", 2);
  compare_with_off(off, &off);
  compare_with_off(fast, &off);
  fast.drafts = {.drafted = 40, .verified = 30, .accepted = 20, .rounds = 10, .tokens = 30};
  const auto json = bench_json(fast);
  EXPECT_EQ(json["same_text"], 3);
  EXPECT_EQ(json["n_answers"], 3);
  EXPECT_EQ(json["ratio_to_off"], 2);
  EXPECT_EQ(json["kinds"]["code"]["ratio_to_off"], 2);
  EXPECT_EQ(json["kinds"]["prose"]["samples_ts"].size(), 2u);
  ASSERT_EQ(json["answers"].size(), 3u);
  EXPECT_EQ(json["answers"][2]["name"], "c");
  EXPECT_EQ(json["answers"][2]["tokens"], 4);
  EXPECT_EQ(json["answers"][2]["text"], "text c");
  EXPECT_EQ(json["answers"][2]["samples_ns"], (std::vector<int64_t>{2500, 5000}));
  EXPECT_EQ(json["samples_ts"], (std::vector<double>{6e9 / 4000, 6e9 / 8000}));

  auto printer = make_bench_printer("-o", "md", {.spec = true, .spec_prompts = true}).take();
  std::string text = printer->begin();
  for (const BenchRecord* r : {&off, &fast}) text += printer->row(*r);
  text += printer->end();
  EXPECT_THAT(text, HasSubstr("|   3 answers tg4 | auto "));
  EXPECT_THAT(text, HasSubstr("20/30 67 % |      3.00 |       40 |       3/3 |"));
  EXPECT_THAT(text, HasSubstr("| auto                     |                        2.000 |"));
}

}  // namespace
}  // namespace gannet
