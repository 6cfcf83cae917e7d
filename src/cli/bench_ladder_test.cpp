#include "cli/bench_ladder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gannet {
namespace {

using ::testing::HasSubstr;

std::vector<PassReport> reports(const std::vector<int>& changes) {
  std::vector<PassReport> made;
  for (size_t i = 0; i < changes.size(); ++i) made.push_back({all_passes()[i], changes[i], 0, 0, 0});
  return made;
}

BenchRecord rung(const std::string& pass, std::vector<int64_t> samples_ns) {
  BenchRecord r;
  r.build_commit = "abc1234";
  r.model_type = "qwen35 0.75B Q4_0";
  r.n_gen = 100;
  r.n_threads = 2;
  r.graph = pass == kNaiveRung ? "naive" : "optimized";
  r.pass = pass;
  r.samples_ns = std::move(samples_ns);
  return r;
}

std::string print(const std::string& format, const std::vector<BenchRecord>& records) {
  auto printer = make_ladder_printer("-o", format, {}).take();
  std::string text = printer->begin();
  for (const BenchRecord& record : records) text += printer->row(record);
  return text + printer->end();
}

TEST(BenchLadder, StepsAreThePassesThatChangeAnyOfTheGraphs) {
  const std::vector<std::vector<PassReport>> compiled = {reports({0, 2, 0, 0, 1}), reports({0, 0, 0, 3, 1})};
  const auto steps = ladder_steps(compiled);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].pass, all_passes()[1]->name);
  EXPECT_EQ(steps[0].first_n, 2);
  EXPECT_EQ(steps[1].pass, all_passes()[3]->name);
  EXPECT_EQ(steps[1].first_n, 4);
  EXPECT_EQ(steps[2].pass, all_passes()[4]->name);
  EXPECT_EQ(steps[2].first_n, 5);
  EXPECT_TRUE(ladder_steps({}).empty());
}

TEST(BenchLadder, RungsOfAModel) {
  const std::vector<std::shared_ptr<const Model>> models = {Model::load("models/pocket.gguf", {}, {}).take()};
  const std::vector<BenchTest> tests = {{.n_gen = 4, .n_threads = 1}, {.n_prompt = 100, .n_threads = 1}};
  const auto rungs = make_ladder(tests, models, {}).take();
  size_t naive = 0;
  int before = 0;
  for (const BenchTest& r : rungs) {
    if (r.naive) {
      ++naive;
      EXPECT_EQ(r.pass, kNaiveRung);
      before = 0;
      continue;
    }
    EXPECT_GT(r.first_n, before);
    before = r.first_n;
    EXPECT_EQ(r.pass, all_passes()[static_cast<size_t>(r.first_n) - 1]->name);
  }
  EXPECT_EQ(naive, 2u);
  EXPECT_GT(rungs.size(), 6u);
  EXPECT_EQ(tests_by_work(rungs).size(), 2u);
  // A pass that is off is no rung.
  const std::string off = rungs[1].pass;
  for (const BenchTest& r : make_ladder(tests, models, {off}).take()) EXPECT_NE(r.pass, off);
}

TEST(BenchLadder, MarkdownHasATablePerTest) {
  BenchRecord other = rung(kNaiveRung, {1'000'000'000});
  other.n_gen = 50;
  const std::string text =
      print("md", {rung(kNaiveRung, {10'000'000'000, 9'000'000'000, 20'000'000'000}),
                   rung("fuse_moe", {5'000'000'000}), rung("merge_projections", {4'000'000'000}), other});
  EXPECT_EQ(text,
            "qwen35 0.75B Q4_0, tg100, 2 threads\n\n"
            "| pass                     | t/s (median) |  to naive | to before |\n"
            "| ------------------------ | -----------: | --------: | --------: |\n"
            "| naive                    |        10.00 |     1.000 |     1.000 |\n"
            "| fuse_moe                 |        20.00 |     2.000 |     2.000 |\n"
            "| merge_projections        |        25.00 |     2.500 |     1.250 |\n"
            "\nqwen35 0.75B Q4_0, tg50, 2 threads\n\n"
            "| pass                     | t/s (median) |  to naive | to before |\n"
            "| ------------------------ | -----------: | --------: | --------: |\n"
            "| naive                    |        50.00 |     1.000 |     1.000 |\n"
            "\nbuild: abc1234 (0)\n");
}

TEST(BenchLadder, Json) {
  const std::vector<BenchRecord> records = {rung(kNaiveRung, {10'000'000'000}),
                                            rung("fuse_moe", {5'000'000'000})};
  const auto parsed = nlohmann::json::parse(print("json", records));
  ASSERT_EQ(parsed.size(), 2u);
  EXPECT_EQ(parsed[0]["pass"], "naive");
  EXPECT_EQ(parsed[0]["graph"], "naive");
  EXPECT_EQ(parsed[1]["pass"], "fuse_moe");
  EXPECT_EQ(parsed[1]["median_ts"], 20);
  EXPECT_EQ(parsed[1]["ratio_to_naive"], 2);
  EXPECT_EQ(parsed[1]["ratio_to_before"], 2);
  EXPECT_EQ(nlohmann::json::parse(print("json", {})).size(), 0u);
  const std::string lines = print("jsonl", records);
  EXPECT_EQ(nlohmann::json::parse(lines.substr(0, lines.find('\n'))), parsed[0]);
}

TEST(BenchLadder, OtherFormatsAreRefused) {
  const auto printer = make_ladder_printer("-oe", "csv", {});
  ASSERT_FALSE(printer.ok());
  EXPECT_EQ(printer.error().code(), ErrorCode::kUsage);
  EXPECT_THAT(printer.error().message(), HasSubstr("-oe csv"));
}

}  // namespace
}  // namespace gannet
