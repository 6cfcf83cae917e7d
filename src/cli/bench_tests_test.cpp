#include "cli/bench_tests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gannet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(const BenchOptions& options) {
  const auto tests = make_bench_tests(options, 1, 2);
  if (tests.ok()) return "accepted";
  EXPECT_EQ(tests.error().code(), ErrorCode::kUsage);
  return tests.error().message();
}

TEST(BenchTests, DefaultsAreOnePromptAndOneGeneration) {
  const auto tests = make_bench_tests({}, 1, 3).take();
  ASSERT_EQ(tests.size(), 2u);
  EXPECT_EQ(tests[0].n_prompt, 512);
  EXPECT_EQ(tests[0].n_gen, 0);
  EXPECT_EQ(tests[1].n_prompt, 0);
  EXPECT_EQ(tests[1].n_gen, 128);
  EXPECT_EQ(tests[0].n_threads, 3);
}

TEST(BenchTests, AllCombinations) {
  BenchOptions o;
  o.n_prompt = {"16,0"};
  o.n_gen = {"4-5"};
  o.pairs = {"8,2", "0,0"};
  o.n_depth = {"0", "64"};
  o.n_ubatch = {"32"};
  o.n_threads = {"1-2"};
  o.type_k = {"f16,q8_0"};
  const auto tests = make_bench_tests(o, 3, 2).take();
  EXPECT_EQ(tests.size(), 3u * 2 * 2 * 2 * 4);
  // Tests that share a session lie side by side: settings change only when all tests of the setting before
  // are listed.
  for (size_t i = 0; i < tests.size(); ++i) {
    EXPECT_EQ(tests[i].model, i / 32);
    EXPECT_EQ(tests[i].k_type, i / 16 % 2 == 0 ? DType::kF16 : DType::kQ8_0);
    EXPECT_EQ(tests[i].n_threads, i / 8 % 2 == 0 ? 1 : 2);
    EXPECT_EQ(tests[i].n_depth, i / 4 % 2 == 0 ? 0 : 64);
    EXPECT_EQ(tests[i].n_ubatch, 32);
  }
  EXPECT_EQ(tests[3].n_prompt, 8);
  EXPECT_EQ(tests[3].n_gen, 2);
}

TEST(BenchTests, GraphsLieSideBySide) {
  BenchOptions o;
  o.graphs = {"naive,optimized"};
  const auto tests = make_bench_tests(o, 2, 2).take();
  ASSERT_EQ(tests.size(), 8u);
  for (size_t i = 0; i < tests.size(); ++i) {
    EXPECT_EQ(tests[i].naive, i % 2 == 0);
    EXPECT_EQ(tests[i].n_gen, i / 2 % 2 == 0 ? 0 : 128);
  }
  // Both models and both graphs take turns.
  EXPECT_THAT(tests_by_work(tests), ElementsAre(ElementsAre(0, 1, 4, 5), ElementsAre(2, 3, 6, 7)));
}

TEST(BenchTests, Refusals) {
  BenchOptions o;
  o.graphs = {"fast"};
  EXPECT_THAT(refusal(o), HasSubstr("--graph fast"));
  o.graphs = {","};
  EXPECT_THAT(refusal(o), HasSubstr("--graph"));
  o = {};
  o.n_prompt = {"0"};
  o.n_gen = {"0"};
  EXPECT_THAT(refusal(o), HasSubstr("nothing to measure"));
  o = {};
  o.n_ubatch = {"0"};
  EXPECT_THAT(refusal(o), HasSubstr("-ub 0"));
  o = {};
  o.n_threads = {"100000"};
  EXPECT_THAT(refusal(o), HasSubstr("-t 100000"));
  o = {};
  o.type_v = {"f16,what"};
  EXPECT_THAT(refusal(o), HasSubstr("-ctv"));
  o = {};
  o.type_k = {","};
  EXPECT_THAT(refusal(o), HasSubstr("-ctk"));
  o = {};
  o.n_prompt = {"1-100"};
  o.n_depth = {"0-99"};
  EXPECT_THAT(refusal(o), HasSubstr("more than 4096 tests"));
}

TEST(BenchTests, ModelPaths) {
  BenchOptions o;
  EXPECT_THAT(bench_model_paths(o), ElementsAre(""));
  o.models = {"no/a.gguf,no/b.gguf", "no/c.gguf"};
  EXPECT_THAT(bench_model_paths(o), ElementsAre("no/a.gguf", "no/b.gguf", "no/c.gguf"));
}

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
      const Result<int64_t> ns = bench.run(test);
      ASSERT_TRUE(ns.ok()) << ns.error().message();
      EXPECT_GT(ns.value(), 0);
    }
  }
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
