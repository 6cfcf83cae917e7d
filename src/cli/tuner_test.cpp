#include "cli/tuner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "cli/tune_text.h"

namespace gannet {
namespace {

// A machine that does not exist: times are what functions say, and the clock is what they add up to.
struct FakeBench final : TuneBench {
  double step_seconds = 0.02, token_seconds = 0.001;
  std::map<int, double> slower_with_threads, slower_prompt_with_threads,
      slower_with_ubatch;                    // factors; else 1
  double per_row = 0.3;                      // of a step
  double per_draft = 0.1, per_token = 0.05;  // of a step
  double waiting = 0;                        // share of each thread's time
  int64_t lucky_calls = 0;                   // of steps; until then one thread takes half the time

  double clock = 100;
  int64_t n_steps = 0;
  std::vector<TunedSettings> kept;
  int stop_after = -1;   // steps
  int stopped_rows = 0;  // steps of so many take very long

  static double factor(const std::map<int, double>& factors, int value) {
    const auto it = factors.find(value);
    return it == factors.end() ? 1 : it->second;
  }
  double took(double seconds, int n_threads) {
    clock += seconds;
    waited_ += waiting * seconds * n_threads;
    return seconds;
  }
  double now() override { return clock; }
  double waited() override { return waited_; }
  Result<double> step(const TunedSettings& s, int n_rows, int64_t n_past) override {
    if (stop_after >= 0 && n_steps >= stop_after) return Error(ErrorCode::kInterrupted, "stopped");
    ++n_steps;
    const double lucky = n_steps <= lucky_calls && s.n_threads == 1 ? 0.5 : 1;
    const double threads = n_rows == 1 ? factor(slower_with_threads, s.n_threads)
                                       : factor(slower_prompt_with_threads, s.n_threads_batch);
    const double far = 1 + static_cast<double>(n_past) / 65536;
    if (n_rows == stopped_rows) return took(1, s.n_threads);
    return took(step_seconds * far * lucky * threads * (1 + per_row * (n_rows - 1)), s.n_threads);
  }
  Result<double> prompt(const TunedSettings& s, int n_tokens) override {
    return took(token_seconds * n_tokens * factor(slower_prompt_with_threads, s.n_threads_batch) *
                    factor(slower_with_ubatch, s.n_ubatch),
                s.n_threads_batch);
  }
  Result<double> draft(const TunedSettings& s, int n_tokens) override {
    return took(step_seconds * (per_draft + per_token * n_tokens), s.n_threads);
  }
  void keep_only(std::span<const TunedSettings> settings) override {
    kept.assign(settings.begin(), settings.end());
  }

 private:
  double waited_ = 0;
};

TuneTask task_of(int n_threads, int n_processors) {
  TuneTask task;
  task.defaults = {n_threads, n_threads, 512};
  task.n_processors = n_processors;
  return task;
}

TuneResult tuned(FakeBench& bench, const TuneTask& task) {
  auto result = tune(bench, task, [](const std::string&, double) {});
  EXPECT_TRUE(result.ok()) << result.error().message();
  return result.ok() ? result.take() : TuneResult{};
}

TEST(Tuner, KeepsTheDefaultWhereNothingIsBetter) {
  FakeBench bench;
  bench.slower_with_threads = {{1, 1.8}, {4, 0.98}};  // a gain within what is measured by chance
  const TuneResult r = tuned(bench, task_of(2, 4));
  EXPECT_EQ(r.found.n_threads, 2);
  EXPECT_EQ(r.found.n_threads_batch, 2);
  EXPECT_EQ(r.found.n_ubatch, 512);
  const TunedSettings kept = settings_to_keep(r);
  EXPECT_EQ(kept.n_threads, 0);
  EXPECT_EQ(kept.n_threads_batch, 0);
  EXPECT_EQ(kept.n_ubatch, 0);
  EXPECT_TRUE(r.check_decode.arms.empty());
  const auto one = std::ranges::find(r.threads.arms, 1, &TuneArm::value);
  ASSERT_NE(one, r.threads.arms.end());
  EXPECT_EQ(one->rounds, 1) << "what is far from good has no second turn";
  EXPECT_NE(tune_text(r).find("The default stays: 2 threads, 2 for prompts, micro-batch 512"),
            std::string::npos)
      << tune_text(r);
}

TEST(Tuner, FindsFewerThreadsForStepsThanForPrompts) {
  FakeBench bench;
  bench.slower_with_threads = {{16, 1.0}, {8, 0.8}, {4, 0.7}, {2, 1.2}, {1, 2.0}};
  bench.slower_prompt_with_threads = {{8, 1.5}, {4, 2.5}, {32, 0.9}};
  const TuneResult r = tuned(bench, task_of(16, 32));
  EXPECT_EQ(r.found.n_threads, 4);
  EXPECT_EQ(r.found.n_threads_batch, 32);
  const TunedSettings kept = settings_to_keep(r);
  EXPECT_EQ(kept.n_threads, 4);
  EXPECT_EQ(kept.n_threads_batch, 32);
  EXPECT_EQ(kept.n_ubatch, 0);
  ASSERT_EQ(r.check_decode.arms.size(), 2u);
  EXPECT_NEAR(r.check_decode.arms[1].ratio, 0.7, 1e-9);
  ASSERT_EQ(bench.kept.size(), 1u);
  EXPECT_EQ(bench.kept[0].n_threads, 4);
  EXPECT_NE(tune_text(r).find("Best: 4 threads, 32 for prompts, micro-batch 512 (default: 16 threads"),
            std::string::npos)
      << tune_text(r);
}

// Both are said where one differs: threads of prompts follow the others otherwise.
TEST(Tuner, KeepsThreadsOfPromptsBesideOthers) {
  FakeBench bench;
  bench.slower_with_threads = {{1, 0.5}};
  bench.slower_prompt_with_threads = {{1, 2.0}};
  const TunedSettings kept = settings_to_keep(tuned(bench, task_of(2, 2)));
  EXPECT_EQ(kept.n_threads, 1);
  EXPECT_EQ(kept.n_threads_batch, 2);
}

TEST(Tuner, TakesThreadsOfPromptsOnlyIfDraftsAreNotSlower) {
  struct SlowRows final : TuneBench {
    FakeBench& b;
    explicit SlowRows(FakeBench& of) : b(of) {}
    double now() override { return b.now(); }
    double waited() override { return b.waited(); }
    Result<double> step(const TunedSettings& s, int n, int64_t past) override {
      const double slower = n > 1 && s.n_threads_batch == 4 ? 1.5 : 1;
      return slower * GANNET_TRY(b.step(s, n, past));
    }
    Result<double> prompt(const TunedSettings& s, int n) override { return b.prompt(s, n); }
    Result<double> draft(const TunedSettings& s, int n) override { return b.draft(s, n); }
    void keep_only(std::span<const TunedSettings> s) override { b.keep_only(s); }
  };
  FakeBench bench;
  bench.slower_prompt_with_threads = {{4, 0.8}};
  EXPECT_EQ(tuned(bench, task_of(2, 4)).found.n_threads_batch, 4);
  SlowRows slow(bench);
  auto r = tune(slow, task_of(2, 4), [](const std::string&, double) {});
  ASSERT_TRUE(r.ok());
  EXPECT_EQ(r->threads_batch.best, 4);
  EXPECT_NEAR(r->check_rows.arms.at(1).ratio, 1.2, 1e-9);
  EXPECT_EQ(r->found.n_threads_batch, 2);
}

TEST(Tuner, GoesUphillToTheBestMicroBatch) {
  const std::map<int, double> factors[] = {{{256, 1.2}, {1024, 0.9}, {2048, 0.8}},
                                           {{256, 0.9}, {128, 0.8}, {1024, 1.3}},
                                           {{256, 0.9}, {128, 1.1}},
                                           {{256, 1.2}, {1024, 0.9}, {2048, 1.0}}};
  const int best[] = {2048, 128, 256, 1024};
  for (size_t i = 0; i < std::size(best); ++i) {
    FakeBench bench;
    bench.token_seconds = 1e-4;
    bench.slower_with_ubatch = factors[i];
    const TuneResult r = tuned(bench, task_of(2, 2));
    EXPECT_EQ(r.found.n_ubatch, best[i]);
    EXPECT_EQ(settings_to_keep(r).n_ubatch, best[i]);
    EXPECT_EQ(settings_to_keep(r).n_threads, 0);
    for (const TuneArm& arm : r.ubatch.arms)
      EXPECT_NEAR(arm.ratio, FakeBench::factor(factors[i], arm.value), 1e-9) << arm.value;
  }
}

TEST(Tuner, LuckIsFoundOutByTheLastCheck) {
  FakeBench bench;
  bench.step_seconds = 0.2;
  bench.lucky_calls = 40;
  const TuneResult r = tuned(bench, task_of(2, 2));
  EXPECT_EQ(r.threads.best, 1);
  ASSERT_EQ(r.check_decode.arms.size(), 2u);
  EXPECT_EQ(r.found.n_threads, 2);
  EXPECT_EQ(settings_to_keep(r).n_threads, 0);
}

TEST(Tuner, DoesNotJudgeThreadsBesideOtherPrograms) {
  FakeBench bench;
  bench.slower_with_threads = {{1, 0.5}};
  bench.waiting = 0.05;
  EXPECT_EQ(tuned(bench, task_of(2, 2)).found.n_threads, 1);
  bench.waiting = 0.4;
  const TuneResult r = tuned(bench, task_of(2, 2));
  EXPECT_EQ(r.found.n_threads, 2);
  EXPECT_NEAR(r.crowded, 0.4, 1e-6);
  EXPECT_NE(tune_text(r).find("waiting for 40 % of their time"), std::string::npos);
  EXPECT_LT(cost_table(r).data().steps[0][0].n, 3) << "runs find the costs themselves";
}

TEST(Tuner, MeasuresWhatRowsAndDraftsCost) {
  FakeBench bench;
  TuneTask task = task_of(2, 2);
  task.mtp = true;
  task.n_ctx = 8192;
  const TuneResult r = tuned(bench, task);
  const CostTable costs = cost_table(r);
  const double one = bench.step_seconds * (1 + 64.0 / 65536);
  for (const int rows : CostTable::kRows) {
    EXPECT_NEAR(costs.step_seconds(rows, 0) / one, 1 + 0.3 * (rows - 1), 1e-9);
    EXPECT_TRUE(costs.step_known(rows, 0)) << rows;
    EXPECT_TRUE(costs.step_known(rows, 4096)) << rows;
  }
  EXPECT_NEAR(costs.step_seconds(1, 4096), bench.step_seconds * (1 + 4096.0 / 65536), 1e-9);
  ASSERT_TRUE(costs.draft_known("draft-mtp"));
  for (const int n : kTuneDrafts)
    EXPECT_NEAR(costs.draft_seconds("draft-mtp", n), bench.step_seconds * (0.1 + 0.05 * n), 0.1 * one) << n;
  EXPECT_EQ(r.left_out, "");
  // 1 + a + a^2 + a^3 = 1.9, and 0.25 more
  EXPECT_NE(
      tune_text(r).find("A step of 4 rows costs 1.90 steps: 3 tokens that cost nothing to draft pay when "
                        "each is right 51 % of the time; those of draft-mtp, for 0.2"),
      std::string::npos)
      << tune_text(r);
}

// A program that is stopped for a while in the middle of a step has measured nothing there.
TEST(Tuner, LeavesOutStepsInWhichItWasStopped) {
  FakeBench bench;
  bench.stopped_rows = 16;
  const CostTable costs = cost_table(tuned(bench, task_of(2, 2)));
  EXPECT_EQ(costs.step_measurements(16, 0), 0);
  EXPECT_GT(costs.step_measurements(24, 0), 0);
  EXPECT_LT(costs.step_seconds(16, 0), costs.step_seconds(24, 0));
}

// However fast or slow: about the time that there is, and the costs of a few rows in any case.
TEST(Tuner, KeepsToItsTime) {
  for (const double step : {1e-4, 1e-3, 1e-2, 0.1, 1.0})
    for (const double token : {1e-5, 1e-4, 1e-3, 1e-2, 0.2}) {
      FakeBench bench;
      bench.step_seconds = step;
      bench.token_seconds = token;
      bench.slower_with_threads = {{4, 0.8}};
      bench.slower_prompt_with_threads = {{4, 0.8}};
      TuneTask task = task_of(8, 16);
      task.mtp = true;
      task.n_ctx = 8192;
      const TuneResult r = tuned(bench, task);
      EXPECT_LE(r.seconds, 1.25 * task.seconds + 60 * step) << step << " " << token;
      EXPECT_TRUE(cost_table(r).step_measurements(4, 0) > 0) << step << " " << token;
      if (token > 0.1) {
        EXPECT_NE(tune_text(r).find("Not measured for want of time: threads for prompts, the micro-batch"),
                  std::string::npos)
            << tune_text(r);
      }
    }
}

TEST(Tuner, StopsWhenItIsInterrupted) {
  FakeBench bench;
  bench.stop_after = 20;
  auto r = tune(bench, task_of(2, 2), [](const std::string&, double) {});
  ASSERT_FALSE(r.ok());
  EXPECT_EQ(r.error().code(), ErrorCode::kInterrupted);
}

TEST(Tuner, BreakEven) {
  for (const double cost : {1.1, 1.65, 2.4, 2.9}) {
    EXPECT_NEAR(break_even(cost, 2), (std::sqrt(4 * cost - 3) - 1) / 2, 1e-9);  // 1 + a + a^2 = cost
    EXPECT_NEAR(break_even(std::min(cost, 1.9), 1), std::min(cost, 1.9) - 1, 1e-9);
  }
  // Published for 35b-a3b, as costs and as break-even points of two digits.
  EXPECT_NEAR(break_even(1.96, 3), 0.53, 0.01);
  EXPECT_NEAR(break_even(1.96 + 3 * 0.19, 3), 0.70, 0.01);
  EXPECT_NEAR(break_even(3.11, 7), 0.70, 0.01);
  EXPECT_NEAR(break_even(1.0, 3), 0, 1e-9) << "for nothing";
  EXPECT_GT(break_even(4.0, 3), 1) << "never";
}

}  // namespace
}  // namespace gannet
