#include "cli/profile.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gannet {
namespace {

using ::testing::HasSubstr;

TEST(Profile, StepsAddUpByOpAndKernel) {
  const OpDef fast_op{.name = "fast",
                      .summary = "",
                      .operands = {},
                      .attrs = {},
                      .n_results = 1,
                      .infer = nullptr,
                      .cost = nullptr},
      slow_op{.name = "slow",
              .summary = "",
              .operands = {},
              .attrs = {},
              .n_results = 1,
              .infer = nullptr,
              .cost = nullptr};
  KernelInfo avx2{}, avx512{};
  avx2.name = "avx2";
  avx512.name = "avx512";
  const auto step = [](const OpDef& op, const KernelInfo& kernel, int64_t bytes) {
    StepInfo info{};
    info.op = &op;
    info.kernel = &kernel;
    info.cost.weight_bytes = bytes;
    info.cost.state_bytes = bytes;
    return info;
  };
  const StepInfo steps[] = {step(fast_op, avx2, 0), step(slow_op, avx2, 1000), step(fast_op, avx2, 50),
                            step(fast_op, avx512, 0)};
  const double nanoseconds[] = {100, 1400, 300, 200};  // of two runs
  const auto rows = profile_rows(steps, nanoseconds, 2);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].op, "slow");
  EXPECT_EQ(rows[0].count, 1);
  EXPECT_DOUBLE_EQ(rows[0].microseconds, 0.7);
  EXPECT_DOUBLE_EQ(rows[0].share, 0.7);
  EXPECT_DOUBLE_EQ(rows[0].bytes_per_second, 2000 / 700e-9);
  EXPECT_EQ(rows[1].op, "fast");
  EXPECT_EQ(rows[1].kernel, "avx2");
  EXPECT_EQ(rows[1].count, 2);
  EXPECT_DOUBLE_EQ(rows[1].microseconds, 0.2);
  EXPECT_EQ(rows[2].kernel, "avx512");
}

class ProfileOfASession : public ::testing::Test {
 protected:
  void SetUp() override {
    auto model = Model::load("models/pocket.gguf", {}, {}).take();
    SessionOptions options;
    options.n_threads = 1;
    session = Session::create(model, options).take();
    session->set_profiling(true);
  }
  void run(SequenceState& sequence, size_t n_tokens) {
    const std::vector<int32_t> tokens(n_tokens, 7);
    ASSERT_TRUE(session->forward(sequence, tokens, LogitRows::kLast).ok());
  }
  std::unique_ptr<Session> session;
};

TEST_F(ProfileOfASession, OnlyWhatRanSince) {
  SequenceState sequence = session->new_sequence();
  run(sequence, 5);
  run(sequence, 1);
  const auto before = session->profiles();
  EXPECT_EQ(before.size(), 2u);
  run(sequence, 1);
  run(sequence, 1);
  const auto since = profiles_since(before, session->profiles());
  ASSERT_EQ(since.size(), 1u);
  EXPECT_EQ(since[0].runs, 2);
  double sum = 0;
  for (double ns : since[0].nanoseconds) {
    EXPECT_GE(ns, 0);
    sum += ns;
  }
  EXPECT_GT(sum, 0);
  const std::string text = profile_text(since, 10e9);
  EXPECT_THAT(text, HasSubstr(since[0].plan->name() + ", 2 runs"));
  EXPECT_THAT(text, HasSubstr("embed"));
}

TEST_F(ProfileOfASession, Trace) {
  SequenceState sequence = session->new_sequence();
  run(sequence, 3);
  run(sequence, 1);
  const auto profiles = session->profiles();
  ProfileTrace trace;
  trace.add("a", profiles);
  trace.add("b", profiles);
  const std::string path =
      std::filesystem::temp_directory_path() / ("gannet_trace_" + std::to_string(getpid()) + ".json");
  ASSERT_TRUE(trace.write(path).ok());
  std::ifstream in(path);
  const auto events = nlohmann::json::parse(in);
  std::filesystem::remove(path);
  ASSERT_EQ(events.size(), 2 * (profiles[0].plan->steps().size() + profiles[1].plan->steps().size()));
  double end = 0;
  for (size_t i = 0; i < profiles[0].plan->steps().size(); ++i) {
    const auto& e = events[i];
    EXPECT_EQ(e["ph"], "X");
    EXPECT_EQ(e["pid"], 1);
    EXPECT_EQ(e["tid"], 1);
    EXPECT_EQ(e["name"], profiles[0].plan->steps()[i].op->name);
    EXPECT_TRUE(e["args"].contains("layer") && e["args"].contains("kernel") && e["args"].contains("bytes"));
    EXPECT_NEAR(e["ts"].get<double>(), end, 1e-6);
    end = e["ts"].get<double>() + e["dur"].get<double>();
  }
  EXPECT_EQ(events.back()["pid"], 2);
  EXPECT_FALSE(trace.write("/nowhere/x.json").ok());
}

}  // namespace
}  // namespace gannet
