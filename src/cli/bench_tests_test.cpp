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

TEST(BenchTests, WaysToDraftLieSideBySide) {
  BenchOptions o;
  o.n_prompt = {"0"};
  o.spec = {"off,auto,ngram-suffix+mtp", "draft-mtp:n_max=2,p_min=0.5,ngram-mod"};
  o.spec_text = "text.txt";
  const auto tests = make_bench_tests(o, 1, 2).take();
  ASSERT_EQ(tests.size(), 5u);
  EXPECT_THAT(tests_by_work(tests), ElementsAre(ElementsAre(0, 1, 2, 3, 4)));
  const auto sources = [&](size_t i) { return tests[i].speculation.sources; };
  EXPECT_EQ(tests[0].spec, "off");
  EXPECT_FALSE(tests[0].speculates());
  EXPECT_EQ(tests[1].speculation.mode, SpeculationMode::kAuto);
  EXPECT_EQ(tests[2].speculation.mode, SpeculationMode::kFixed);
  EXPECT_THAT(sources(2), ElementsAre(SourceKind::kSuffix, SourceKind::kMtp));
  EXPECT_EQ(tests[3].spec, "draft-mtp:n_max=2,p_min=0.5");
  EXPECT_EQ(tests[3].speculation.n_max, 2);
  EXPECT_EQ(tests[3].speculation.p_min, 0.5f);
  EXPECT_THAT(sources(4), ElementsAre(SourceKind::kNgramMod));
  EXPECT_EQ(tests[4].speculation.n_max, SpeculationOptions{}.n_max);
  for (const BenchTest& test : tests) EXPECT_EQ(test.text_file, "text.txt");

  o.spec_text = "";
  o.spec_rates = "0.9,0.5";
  o.spec_force = true;
  o.draft_model = "d.gguf";
  o.spec = {"off,auto,draft-mtp,draft-simple"};
  const auto forced = make_bench_tests(o, 1, 2).take();
  ASSERT_EQ(forced.size(), 4u);
  EXPECT_THAT(forced[2].speculation.synthetic_rates, ElementsAre(0.9f, 0.5f));
  EXPECT_TRUE(forced[2].speculation.force);
  EXPECT_FALSE(forced[1].speculation.force);
  EXPECT_THAT(forced[2].speculation.sources, ElementsAre(SourceKind::kMtp));
  EXPECT_THAT(forced[3].speculation.sources, ElementsAre(SourceKind::kDraftSimple));
  EXPECT_EQ(forced[1].speculation.mode, SpeculationMode::kAuto);

  EXPECT_EQ(make_bench_tests({}, 1, 2).take()[0].spec, "");
}

TEST(BenchTests, OneModeAloneCanBeForced) {
  BenchOptions o;
  o.n_prompt = {"0"};
  o.spec = {"draft-mtp:n_max=2+force,draft-mtp:n_max=2,ngram-mod+force+draft-mtp"};
  const auto tests = make_bench_tests(o, 1, 2).take();
  ASSERT_EQ(tests.size(), 3u);
  EXPECT_TRUE(tests[0].speculation.force);
  EXPECT_EQ(tests[0].speculation.n_max, 2);
  EXPECT_FALSE(tests[1].speculation.force);
  EXPECT_TRUE(tests[2].speculation.force);
  EXPECT_THAT(tests[2].speculation.sources, ElementsAre(SourceKind::kNgramMod, SourceKind::kMtp));
  o.spec = {"force"};
  EXPECT_THAT(refusal(o), HasSubstr("--spec force: must be one of"));
}

TEST(BenchTests, PromptsAndSequences) {
  BenchOptions o;
  o.spec = {"off,auto"};
  o.spec_prompts = "prompts.txt";
  o.spec_parallel = {"1,4"};
  o.temperature = 0.5;
  o.seed = 3;
  const auto tests = make_bench_tests(o, 1, 2).take();
  ASSERT_EQ(tests.size(), 4u);  // no test that only reads a prompt
  EXPECT_THAT(tests_by_work(tests), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
  for (size_t i = 0; i < tests.size(); ++i) {
    EXPECT_EQ(tests[i].n_prompt, 0);
    EXPECT_EQ(tests[i].n_gen, 128);
    EXPECT_EQ(tests[i].n_parallel, i < 2 ? 1 : 4);
    EXPECT_EQ(tests[i].prompts_file, "prompts.txt");
    EXPECT_EQ(tests[i].temperature, 0.5f);
    EXPECT_EQ(tests[i].seed, 3u);
  }
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
  o.spec = {"off,fast"};
  EXPECT_THAT(refusal(o), HasSubstr("--spec fast: must be one of none, ngram-simple"));
  o.spec = {"draft-simple"};
  EXPECT_THAT(refusal(o), HasSubstr("--spec draft-simple: needs a draft model"));
  o.spec = {","};
  EXPECT_THAT(refusal(o), HasSubstr("--spec: names no mode"));
  o.spec = {"auto"};
  o.ladder = true;
  EXPECT_THAT(refusal(o), HasSubstr("--passes-ladder"));
  o = {};
  o.spec_text = "text.txt";
  EXPECT_THAT(refusal(o), HasSubstr("--spec-text: needs --spec"));
  o = {};
  o.spec_parallel = {"2"};
  EXPECT_THAT(refusal(o), HasSubstr("--spec-parallel: needs --spec"));
  o.spec = {"off"};
  o.graphs = {"naive"};
  EXPECT_THAT(refusal(o), HasSubstr("--spec-parallel: the naive graph"));
  o.spec_parallel = {"0"};
  EXPECT_THAT(refusal(o), HasSubstr("--spec-parallel 0"));
  o = {};
  o.spec = {"off"};
  o.seed = 2;
  EXPECT_THAT(refusal(o), HasSubstr("--seed: need --spec-prompts"));
  o.spec_prompts = "prompts.txt";
  o.n_depth = {"0,8"};
  EXPECT_THAT(refusal(o), HasSubstr("leave out -pg and -d"));
  o.n_depth = {"0"};
  o.spec_rates = "0.5";
  EXPECT_THAT(refusal(o), HasSubstr("--spec-synth-rates"));
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

}  // namespace
}  // namespace gannet
