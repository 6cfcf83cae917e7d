#include "cli/bench_runner.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/bench_tests.h"

namespace gannet {
namespace {

using ::testing::HasSubstr;

// On the model in the repository.
class BenchRunnerTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const Model> model() {
    static const auto loaded = Model::load("models/pocket.gguf", {}, {}).take();
    return loaded;
  }
  static BenchRunner runner(std::vector<BenchTest> tests) { return {{model()}, {}, std::move(tests), false}; }
};

TEST_F(BenchRunnerTest, RunsFromTheSameDepthEveryTime) {
  const BenchTest pp = {.n_prompt = 5, .n_depth = 70, .n_ubatch = 32, .n_threads = 1};
  const BenchTest tg = {.n_gen = 3, .n_depth = 70, .n_ubatch = 32, .n_threads = 1};
  BenchRunner bench = runner({pp, tg});
  // The session holds exactly the longest test, so a run that did not go back to its depth would pass the
  // limit.
  for (int repetition = 0; repetition < 3; ++repetition) {
    for (const BenchTest& test : {pp, tg}) {
      ASSERT_TRUE(bench.warm_up(test).ok());
      const Result<BenchRun> run = bench.run(test);
      ASSERT_TRUE(run.ok()) << run.error().message();
      EXPECT_GT(run->nanoseconds, 0);
    }
  }
}

TEST_F(BenchRunnerTest, SaysTheGivenText) {
  BenchOptions o;
  o.n_prompt = {"20"};
  o.n_gen = {"30"};
  o.n_depth = {"0", "10"};
  o.pairs = {"20,30"};
  o.n_threads = {"1"};
  o.spec = {"off,ngram-simple:ngram_size_n=2,ngram_size_m=8"};
  o.spec_force = true;
  o.spec_text = testing::TempDir() + "bench_text.txt";
  std::ofstream file(o.spec_text);
  for (int i = 0; i < 40; ++i) file << "the harbor is a shelter for ships.\n";
  file.close();
  BenchRunner bench = runner(make_bench_tests(o, 1, 1).take());
  const Result<void> checked = bench.check();
  ASSERT_TRUE(checked.ok()) << checked.error().message();
  for (const BenchTest& test : bench.tests()) {
    for (int repetition = 0; repetition < 2; ++repetition) {
      const Result<BenchRun> run = bench.run(test);
      ASSERT_TRUE(run.ok()) << run.error().message();
      EXPECT_GT(run->nanoseconds, 0);
      EXPECT_EQ(run->drafts.tokens, test.n_gen);
      if (!test.speculates() || test.n_gen == 0) {
        EXPECT_EQ(run->drafts.rounds, test.n_gen);
        EXPECT_EQ(run->drafts.verified, 0);
      } else {
        // A text that repeats itself is drafted well, in every run.
        EXPECT_LE(3 * run->drafts.rounds, 2 * test.n_gen);
        EXPECT_GT(2 * run->drafts.accepted, run->drafts.verified);
      }
    }
  }
  o.n_gen = {"3000"};
  const Result<void> too_long = runner(make_bench_tests(o, 1, 1).take()).check();
  ASSERT_FALSE(too_long.ok());
  EXPECT_EQ(too_long.error().code(), ErrorCode::kUsage);
  EXPECT_THAT(too_long.error().message(), HasSubstr("tokens, and a test needs 30"));
}

TEST_F(BenchRunnerTest, SaysTheTextInSeveralSequences) {
  BenchOptions o;
  o.n_prompt = {"0"};
  o.n_gen = {"30"};
  o.pairs = {"20,30"};
  o.n_threads = {"1"};
  o.spec = {"off,ngram-simple:ngram_size_n=2,ngram_size_m=8"};
  o.spec_force = true;
  o.spec_parallel = {"3"};
  o.spec_text = testing::TempDir() + "bench_parallel.txt";
  std::ofstream file(o.spec_text);
  for (int i = 0; i < 40; ++i) file << "the harbor is a shelter for ships.\n";
  file.close();
  BenchRunner bench = runner(make_bench_tests(o, 1, 1).take());
  for (const BenchTest& test : bench.tests()) {
    const BenchRun run = bench.run(test).take();
    EXPECT_EQ(run.tokens, 3 * (test.n_prompt + 30));
    EXPECT_EQ(run.drafts.tokens, 3 * 30);
    if (test.speculates())
      EXPECT_LE(3 * run.drafts.rounds, 2 * 3 * 30);
    else
      EXPECT_EQ(run.drafts.rounds, 3 * 30);
  }
}

TEST_F(BenchRunnerTest, AnswersPromptsAlikeHoweverManyAtOnce) {
  BenchOptions o;
  o.n_gen = {"24"};
  o.n_threads = {"1"};
  o.spec = {"off,auto,draft-mtp:n_max=2+force"};
  o.spec_parallel = {"1,3"};
  o.temperature = 0.7;
  o.seed = 5;
  o.spec_prompts = testing::TempDir() + "bench_prompts.txt";
  std::ofstream(o.spec_prompts)
      << "=== word a\n<|im_start|>user\ndefine harbor<|im_end|>\n<|im_start|>assistant\n\n"
      << "=== text b\nIn the morning\n=== text c\nThe ship\n=== text d\nAt sea\n";
  BenchRunner bench = runner(make_bench_tests(o, 1, 1).take());
  const Result<void> checked = bench.check();
  ASSERT_TRUE(checked.ok()) << checked.error().message();
  std::vector<BenchAnswer> plain;
  for (const BenchTest& test : bench.tests()) {
    SCOPED_TRACE(test.spec + " x" + std::to_string(test.n_parallel));
    ASSERT_TRUE(bench.warm_up(test).ok());
    const BenchRun run = bench.run(test).take();
    ASSERT_EQ(run.answers.size(), 4u);
    int64_t tokens = 0, nanoseconds = 0;
    for (size_t i = 0; i < 4; ++i) {
      const BenchAnswer& answer = run.answers[i];
      EXPECT_EQ(answer.name, std::string(1, static_cast<char>('a' + i)));
      EXPECT_EQ(answer.kind, i == 0 ? "word" : "text");
      ASSERT_GE(answer.tokens.size(), 1u);
      EXPECT_LE(answer.tokens.size(), 24u);
      EXPECT_EQ(answer.text.empty(), answer.tokens.size() == 1);  // such a one ends at once
      tokens += static_cast<int64_t>(answer.tokens.size()) - 1;   // the first is the prompt's
      nanoseconds += answer.nanoseconds;
      if (!plain.empty()) {
        EXPECT_EQ(answer.tokens, plain[i].tokens) << i;
      }
    }
    EXPECT_EQ(run.tokens, tokens);
    EXPECT_LE(nanoseconds, run.nanoseconds);
    EXPECT_GE(nanoseconds, run.nanoseconds - 3 * run.drafts.rounds);  // what division leaves over
    if (plain.empty()) plain = run.answers;
    if (test.spec.ends_with("+force")) {
      EXPECT_GT(run.drafts.verified, 0);
    }
  }
}

TEST_F(BenchRunnerTest, DraftsAreRightAsOftenAsWasAskedFor) {
  BenchOptions o;
  o.n_prompt = {"0"};
  o.n_gen = {"200"};
  o.n_threads = {"1"};
  o.spec = {"draft-mtp:n_max=2"};
  o.spec_force = true;
  const auto accepted_of_verified = [&](const char* rates) {
    o.spec_rates = rates;
    const BenchRun run = [&] {
      BenchRunner bench = runner(make_bench_tests(o, 1, 1).take());
      return bench.run(bench.tests()[0]).take();
    }();
    EXPECT_EQ(run.drafts.tokens, 200);
    EXPECT_GT(run.drafts.verified, 0);
    return static_cast<double>(run.drafts.accepted) / static_cast<double>(run.drafts.verified);
  };
  EXPECT_EQ(accepted_of_verified("1,1"), 1);
  EXPECT_EQ(accepted_of_verified("0,0"), 0);
}

TEST_F(BenchRunnerTest, DeeperTokensMoveTheCache) {
  const BenchTest at_start = {.n_gen = 1, .n_threads = 1},
                  deep = {.n_gen = 1, .n_depth = 1000, .n_threads = 1};
  BenchRunner bench = runner({at_start, deep});
  const int64_t per_token =
      trunk_state_layout(model()->hyperparameters(), DType::kF16, DType::kF16).kv_bytes_per_token();
  const int64_t first = bench.bytes_per_token(at_start).take();
  EXPECT_GT(first, 0);
  EXPECT_LT(first, model()->weight_bytes());  // a mixture of experts reads a part of its weights
  EXPECT_EQ(bench.bytes_per_token(deep).take() - first, 1000 * per_token);
}

TEST_F(BenchRunnerTest, PiecesOfAPromptAddUp) {
  const BenchTest whole = {.n_prompt = 64, .n_ubatch = 64, .n_threads = 1};
  const BenchTest pieces = {.n_prompt = 64, .n_ubatch = 16, .n_threads = 1};
  const BenchTest deep = {.n_prompt = 64, .n_depth = 64, .n_ubatch = 64, .n_threads = 1};
  BenchRunner bench = runner({whole, pieces, deep});
  const int64_t flops = bench.prompt_flops(whole).take();
  EXPECT_GT(flops, 2 * 64 * model()->hyperparameters().n_embd);
  EXPECT_NEAR(static_cast<double>(bench.prompt_flops(pieces).take()), static_cast<double>(flops),
              0.01 * static_cast<double>(flops));
  EXPECT_GT(bench.prompt_flops(deep).take(), flops);
}

TEST_F(BenchRunnerTest, BadSettingsShowUpFirst) {
  const BenchTest bad = {.n_gen = 1, .n_threads = 1, .k_type = DType::kQ4_0};
  const Result<void> checked = runner({bad}).check();
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code(), ErrorCode::kUsage);
}

}  // namespace
}  // namespace gannet
