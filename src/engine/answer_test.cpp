// What ends an answer and what it is told along the way, from the generator's side.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/generator.h"
#include "engine/thought_rules.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

using testing::HasSubstr;

struct AnswerTest : testing::Test {
  static const std::shared_ptr<const Model>& model() {
    static const auto loaded = Model::load("models/pocket.gguf", {}, nullptr).take();
    return loaded;
  }
  Tokenizer tokenizer = tokenizer_from_gguf(model()->file()).take();
  std::unique_ptr<Session> session = [] {
    SessionOptions options;
    options.n_ctx = 256;
    options.n_threads = 1;
    return Session::create(model(), options).take();
  }();
  SamplingParams params = [] {
    SamplingParams p;
    p.seed = 3;
    return p;
  }();

  std::vector<TokenId> ids(std::string_view text) const { return tokenizer.encode(text, {}).take(); }

  struct Said {
    std::string text;
    Answer answer;
  };
  Said say(Generator& generator, const AnswerOptions& options,
           std::string_view prompt = "In the beginning") const {
    Said said;
    auto answer = generator.generate(ids(prompt), options, [&](std::string_view piece) {
      said.text += piece;
      return true;
    });
    EXPECT_TRUE(answer.ok()) << answer.error().message();
    if (answer.ok()) said.answer = answer.take();
    return said;
  }
  Said say(const AnswerOptions& options) const {
    Sampler sampler = Sampler::create(params, tokenizer.vocabulary().size()).take();
    Generator generator(*session, tokenizer, sampler);
    return say(generator, options);
  }
};

TEST_F(AnswerTest, StopStringsEndItAndAreNotShown) {
  const std::string whole = say({.n_predict = 20}).text;
  ASSERT_GT(whole.size(), 20u);
  // Every part of the text, wherever it lies in the tokens.
  for (size_t at = 1; at + 5 <= whole.size(); at += 3) {
    const std::string stop = whole.substr(at, 5);
    const Said said = say({.n_predict = 20, .stop = {"never there", stop}});
    EXPECT_EQ(said.text, whole.substr(0, whole.find(stop))) << stop;
    EXPECT_EQ(said.answer.reason, FinishReason::kStopped);
    EXPECT_EQ(said.answer.stopped_by, stop);
  }
  const Said none = say({.n_predict = 20, .stop = {whole + "x"}});
  EXPECT_EQ(none.text, whole) << "what was held back is shown in the end";
  EXPECT_EQ(none.answer.stopped_by, std::nullopt);
  Sampler sampler = Sampler::create(params, tokenizer.vocabulary().size()).take();
  Generator generator(*session, tokenizer, sampler);
  const auto refused = generator.generate(ids("a"), AnswerOptions{.n_predict = 3, .stop = {""}},
                                          [](std::string_view) { return true; });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUsage);
}

TEST_F(AnswerTest, EveryAnswerBeginsWithAFreshMemory) {
  for (const int version : {1, 2}) {
    params.mirostat = version;
    params.mirostat_tau = 2;
    Sampler sampler = Sampler::create(params, tokenizer.vocabulary().size()).take();
    Generator generator(*session, tokenizer, sampler);
    const std::string first = say(generator, {.n_predict = 20}).text;
    generator.undo();
    EXPECT_EQ(say(generator, {.n_predict = 20}).text, first);
    generator.clear();
    EXPECT_EQ(say(generator, {.n_predict = 20}).text, first);
  }
}

TEST_F(AnswerTest, AThoughtIsClosedWithTheMessage) {
  ThoughtTexts texts;
  texts.budget = 4;
  texts.message = " Enough.";
  texts.open_at_start = true;
  AnswerOptions options{.n_predict = 40};
  options.thought = thought_rules(tokenizer, texts).take();
  const Said said = say(options);
  const std::string whole = say({.n_predict = 4}).text;
  EXPECT_TRUE(said.text.starts_with(whole + " Enough.\n</think>\n\n")) << said.text;
  options.thought.budget = -1;
  EXPECT_EQ(say(options).text, say({.n_predict = 40}).text);
}

TEST_F(AnswerTest, ACircleIsLeft) {
  params.temperature = 0;
  const TokenId a = ids("a")[0];
  params.logit_bias = {{a, 1000.0f}};
  const Said said = say({.n_predict = 100, .repetition = {.longest = 4, .times = 3, .least = 12}});
  EXPECT_EQ(said.answer.reason, FinishReason::kRepetition);
  EXPECT_EQ(said.answer.n_generated, 12u);
  EXPECT_EQ(say({.n_predict = 30}).answer.reason, FinishReason::kLength);
}

TEST_F(AnswerTest, LogProbabilitiesComeWithTheTokens) {
  params.temperature = 0;
  params.logit_bias = {{ids("z")[0], 1.0f}};
  size_t n = 0;
  AnswerOptions options{.n_predict = 6};
  options.n_log_probs = 3;
  options.on_log_probs = [&](TokenId token, const LogProbs& all) {
    ++n;
    ASSERT_EQ(all.top.size(), 3u);
    EXPECT_GE(all.top[0].log_prob, all.top[1].log_prob);
    EXPECT_LE(std::exp(all.top[0].log_prob) + std::exp(all.top[1].log_prob), 1.0001);
    if (all.top[0].token == token) {
      EXPECT_EQ(all.top[0].log_prob, all.chosen);
    }
  };
  say(options);
  EXPECT_EQ(n, 6u);
  options.post_sampling = true;
  options.on_log_probs = [](TokenId token, const LogProbs& all) {
    ASSERT_EQ(all.top.size(), 1u) << "the likeliest was certain";
    EXPECT_EQ(all.top[0].token, token);
    EXPECT_EQ(all.chosen, 0);
  };
  say(options);
}

// Allows everything for some tokens, then nothing.
class Dead : public TokenConstraint {
 public:
  Dead(int32_t n_vocab, int lives) : mask_(static_cast<size_t>(n_vocab + 63) / 64), lives_(lives) {}
  Result<std::span<const uint64_t>> allowed() override {
    if (lives_ > 0) return std::span<const uint64_t>();
    return std::span<const uint64_t>(mask_);
  }
  void accept(TokenId) override { --lives_; }

 private:
  std::vector<uint64_t> mask_;
  int lives_;
};

TEST_F(AnswerTest, AConstraintThatAllowsNothingIsAnErrorOfThatAnswer) {
  Sampler sampler = Sampler::create(params, tokenizer.vocabulary().size()).take();
  Generator generator(*session, tokenizer, sampler);
  const std::string before = say(generator, {.n_predict = 5}).text;
  const size_t n_history = generator.history().size();
  for (const int lives : {0, 3}) {
    Dead dead(tokenizer.vocabulary().size(), lives);
    const auto answer = generator.generate(ids(" and"), AnswerOptions{.n_predict = 9, .constraint = &dead},
                                           [](std::string_view) { return true; });
    ASSERT_FALSE(answer.ok());
    EXPECT_THAT(answer.error().message(), HasSubstr("position " + std::to_string(lives)));
    EXPECT_EQ(generator.history().size(), n_history);
  }
  EXPECT_FALSE(say(generator, {.n_predict = 5}, " and").text.empty());
}

}  // namespace
}  // namespace gannet
