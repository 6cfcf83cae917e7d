#include "sample/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace gannet {
namespace {

using testing::HasSubstr;
constexpr float kInf = INFINITY;

std::vector<float> random_logits(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(n);
  for (float& x : logits) x = normal(random);
  return logits;
}

Sampler make(const SamplingParams& params, size_t n_vocab) {
  auto sampler = Sampler::create(params, static_cast<int32_t>(n_vocab));
  EXPECT_TRUE(sampler.ok());
  return sampler.take();
}

// All steps off: the whole vocabulary, temperature 1.
SamplingParams open_params() {
  SamplingParams p;
  p.top_k = 0;
  p.top_p = 1;
  p.min_p = 0;
  p.temperature = 1;
  return p;
}

std::vector<TokenId> tokens(const SamplingParams& params, const std::vector<float>& logits) {
  auto sampler = make(params, logits.size());
  auto survivors = sampler.distribution(logits, 0, {});
  EXPECT_TRUE(survivors.ok());
  std::vector<TokenId> ids;
  for (const Candidate& c : survivors->candidates) ids.push_back(c.token);
  return ids;
}

TEST(Sampler, Survivors) {
  // Probabilities 0.05, 0.5, 0.05, 0.25, 0.15.
  const std::vector<float> logits = {std::log(0.05f), std::log(0.5f), std::log(0.05f), std::log(0.25f),
                                     std::log(0.15f)};
  using Ids = std::vector<TokenId>;
  auto p = open_params();
  EXPECT_EQ(tokens(p, logits), (Ids{0, 1, 2, 3, 4}));
  p.top_k = 1;
  EXPECT_EQ(tokens(p, logits), (Ids{1}));
  p.top_k = 4;
  EXPECT_EQ(tokens(p, logits), (Ids{1, 3, 4, 0})) << "equal to token 2, but lower";
  p.top_k = 5;
  EXPECT_EQ(tokens(p, logits).size(), 5u);
  p.top_k = 1000;
  EXPECT_EQ(tokens(p, logits).size(), 5u);
  p = open_params();
  p.top_p = 0;
  EXPECT_EQ(tokens(p, logits), (Ids{1}));
  p.top_p = 0.7f;
  EXPECT_EQ(tokens(p, logits), (Ids{1, 3}));
  p.top_p = 0.8f;
  EXPECT_EQ(tokens(p, logits), (Ids{1, 3, 4}));
  p.top_k = 3;  // the shares are now of 0.9: 0.556, 0.833
  EXPECT_EQ(tokens(p, logits), (Ids{1, 3}));
  p = open_params();
  p.min_p = 0.4f;
  EXPECT_EQ(tokens(p, logits), (Ids{1, 3}));
  p.min_p = 1;
  EXPECT_EQ(tokens(p, logits), (Ids{1}));
  p.top_k = 3;
  p.min_p = 0.4f;
  EXPECT_EQ(tokens(p, logits), (Ids{1, 3}));
  p = open_params();
  p.logit_bias = {{1, -kInf}, {0, 5}};
  p.top_k = 2;
  EXPECT_EQ(tokens(p, logits), (Ids{0, 3}));
  p.temperature = 0;
  EXPECT_EQ(tokens(p, logits), (Ids{0}));
}

TEST(Sampler, TopPOfEqualLogits) {
  using Ids = std::vector<TokenId>;
  const std::vector<float> logits = {-1, 2, 2, -kInf, 2, 2};
  auto p = open_params();
  p.min_p = 0.5f;
  EXPECT_EQ(tokens(p, logits), (Ids{1, 2, 4, 5}));
  p.top_k = 4;
  p.top_p = 0.5f;
  EXPECT_EQ(tokens(p, logits), (Ids{1, 2}));
  p.top_p = 0.75f;
  EXPECT_EQ(tokens(p, logits), (Ids{1, 2, 4}));
  // More equal ones than are sorted at first.
  const std::vector<float> flat(1024, 0.5f);
  p = open_params();
  for (const size_t count : {1, 128, 256, 257, 768}) {
    p.top_p = static_cast<float>(count) / 1024;
    Ids expected(count);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(tokens(p, flat), expected) << count;
  }
}

// Every combination of steps against a plain reading of their order with full sorts.
RC_GTEST_PROP(Sampler, SurvivorsEqualThePlainRule, ()) {
  SamplingParams p;
  p.top_k = *rc::gen::element(0, 1, 2, 40, 100, 3000);
  p.top_p = *rc::gen::element(0.0f, 0.1f, 0.5f, 0.95f, 0.9999f, 1.0f);
  p.min_p = *rc::gen::element(0.0f, 0.0001f, 0.05f, 0.5f, 1.0f);
  const size_t n = *rc::gen::element<size_t>(1, 5, 64, 1000, 2500);
  auto logits = random_logits(n, *rc::gen::arbitrary<uint32_t>());
  // Distinct values: rounding may not decide which of two equal ones is in.
  std::vector<Candidate> sorted;
  for (size_t i = 0; i < n; ++i) sorted.push_back({logits[i], static_cast<TokenId>(i)});
  std::sort(sorted.begin(), sorted.end(), likelier);
  if (p.top_k > 0) sorted.resize(std::min<size_t>(sorted.size(), static_cast<size_t>(p.top_k)));
  if (p.top_p < 1) {
    double total = 0, sum = 0;
    for (const auto& c : sorted) total += std::exp(double{c.logit});
    size_t count = 0;
    while (count < sorted.size() && (count == 0 || sum < p.top_p * total))
      sum += std::exp(double{sorted[count++].logit});
    sorted.resize(count);
  }
  const double best = sorted[0].logit;
  std::erase_if(sorted, [&](const Candidate& c) { return std::exp(c.logit - best) < p.min_p; });
  std::vector<TokenId> expected;
  for (const auto& c : sorted) expected.push_back(c.token);
  auto got = tokens(p, logits);
  if (p.top_k <= 0 || static_cast<size_t>(p.top_k) >= n) {
    std::sort(got.begin(), got.end());
    std::sort(expected.begin(), expected.end());
  }
  RC_ASSERT(got == expected);
}

TEST(Sampler, GreedyIsTheLowestIdOfTheMaximum) {
  SamplingParams p;
  for (const float temperature : {0.0f, -1.0f}) {
    p.temperature = temperature;
    std::vector<float> logits(1000, -1.0f);
    logits[999] = logits[500] = logits[130] = 2.0f;
    EXPECT_EQ(make(p, 1000).sample(logits, 0, {}).take(), 130);
    logits[7] = 2.5f;
    EXPECT_EQ(make(p, 1000).sample(logits, 0, {}).take(), 7);
    p.logit_bias = {{7, -kInf}};
    EXPECT_EQ(make(p, 1000).sample(logits, 0, {}).take(), 130);
    p.logit_bias.clear();
  }
}

TEST(Sampler, PenaltiesActOnTheHistory) {
  SamplingParams p;
  p.temperature = 0;
  const std::vector<float> logits = {2.0f, 1.9f, 0.0f};
  const std::vector<TokenId> history = {2, 0};
  EXPECT_EQ(make(p, 3).sample(logits, 0, history).take(), 0);
  p.repeat_penalty = 1.1f;
  EXPECT_EQ(make(p, 3).sample(logits, 0, history).take(), 1);
  p.repeat_penalty = 1;
  p.presence_penalty = 0.2f;
  EXPECT_EQ(make(p, 3).sample(logits, 0, history).take(), 1);
  p.repeat_last_n = 0;
  EXPECT_EQ(make(p, 3).sample(logits, 0, history).take(), 0);
  EXPECT_EQ(logits[0], 2.0f) << "the caller's logits stay as they are";
}

// A choice depends on its position, not on what was asked before, in which order, or by which object.
RC_GTEST_PROP(Sampler, ChoiceDependsOnThePositionNotOnTheCalls, ()) {
  SamplingParams p;
  p.seed = *rc::gen::arbitrary<uint64_t>();
  p.repeat_penalty = *rc::gen::element(1.0f, 1.3f);
  p.top_k = *rc::gen::element(0, 40);
  const size_t n = 300;
  std::vector<std::vector<float>> logits;
  for (uint32_t i = 0; i < 8; ++i) logits.push_back(random_logits(n, i));
  const std::vector<TokenId> history = {1, 2, 3};
  std::vector<TokenId> forward;
  auto sampler = make(p, n);
  for (uint64_t i = 0; i < 8; ++i) forward.push_back(sampler.sample(logits[i], i, history).take());
  for (uint64_t i = 8; i-- > 0;) {
    RC_ASSERT(sampler.sample(logits[i], i, history).take() == forward[i]);
    RC_ASSERT(make(p, n).sample(logits[i], i, history).take() == forward[i]);
  }
}

TEST(Sampler, SeedsAndPositionsDiffer) {
  const std::vector<float> flat(1000, 0.0f);
  auto p = open_params();
  auto a = make(p, 1000);
  p.seed = 1;
  auto b = make(p, 1000);
  int equal_seeds = 0, equal_positions = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    equal_seeds += a.sample(flat, i, {}).take() == b.sample(flat, i, {}).take() ? 1 : 0;
    equal_positions += a.sample(flat, i, {}).take() == a.sample(flat, i + 1, {}).take() ? 1 : 0;
  }
  EXPECT_LE(equal_seeds, 5);
  EXPECT_LE(equal_positions, 5);
}

TEST(Sampler, WholeDistributionThroughAllSteps) {
  // Softmax of the survivors of top-k 6, top-p 0.9, min-p 0.02 at temperature 0.7.
  const auto logits = random_logits(200, 11);
  SamplingParams p;
  p.top_k = 6;
  p.top_p = 0.9f;
  p.min_p = 0.02f;
  p.temperature = 0.7f;
  p.seed = 77;
  auto sampler = make(p, logits.size());
  const auto survivors = sampler.distribution(logits, 0, {}).take().candidates;
  std::vector<TokenId> ids;
  std::vector<double> share;
  double total = 0;
  for (const auto& c : survivors) {
    ids.push_back(c.token);
    share.push_back(std::exp((c.logit - survivors[0].logit) / p.temperature));
    total += share.back();
  }
  ASSERT_GE(ids.size(), 2u);
  std::vector<int> counts(ids.size());
  const int n = 100000;
  for (uint64_t i = 0; i < n; ++i) {
    const auto at = std::find(ids.begin(), ids.end(), sampler.sample(logits, i, {}).take());
    ASSERT_NE(at, ids.end());
    ++counts[static_cast<size_t>(at - ids.begin())];
  }
  double chi = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const double expected = n * share[i] / total;
    chi += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(chi, 30.0);  // at most 5 degrees of freedom: probability 1.5e-5
}

TEST(SamplerErrors, BrokenLogitsAreNeverSampled) {
  for (const float temperature : {0.0f, 0.8f}) {
    for (const int top_k : {0, 40}) {
      for (const float bad : {NAN, kInf}) {
        for (const size_t at : {0, 77, 149}) {
          SamplingParams p;
          p.temperature = temperature;
          p.top_k = top_k;
          std::vector<float> logits(150, 0.5f);
          logits[at] = bad;
          auto token = make(p, 150).sample(logits, 42, {});
          ASSERT_FALSE(token.ok());
          EXPECT_EQ(token.error().code(), ErrorCode::kRuntime);
          EXPECT_THAT(token.error().message(), HasSubstr("numerical error"));
          EXPECT_THAT(token.error().message(), HasSubstr("token " + std::to_string(at) + " at position 42"));
        }
      }
    }
  }
}

TEST(SamplerErrors, NothingToChooseFrom) {
  SamplingParams p;
  std::vector<float> logits(100, -kInf);
  for (const float temperature : {0.0f, 0.8f}) {
    p.temperature = temperature;
    auto token = make(p, 100).sample(logits, 3, {});
    ASSERT_FALSE(token.ok());
    EXPECT_THAT(token.error().message(), HasSubstr("position 3"));
  }
  logits[60] = -1000;
  EXPECT_EQ(make(p, 100).sample(logits, 3, {}).take(), 60);
  p.logit_bias = {{60, -kInf}};
  EXPECT_FALSE(make(p, 100).sample(logits, 3, {}).ok());
}

TEST(SamplerErrors, MinusInfinityIsNeverDrawn) {
  auto p = open_params();
  std::vector<float> logits(100, -kInf);
  logits[10] = logits[90] = 0;
  auto sampler = make(p, 100);
  int tens = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    const auto token = sampler.sample(logits, i, {}).take();
    ASSERT_TRUE(token == 10 || token == 90);
    tens += token == 10 ? 1 : 0;
  }
  EXPECT_NEAR(tens, 500, 80);
}

TEST(SamplerErrors, Parameters) {
  const auto message = [](auto change) {
    SamplingParams p;
    change(p);
    auto sampler = Sampler::create(p, 100);
    if (sampler.ok()) return std::string();
    EXPECT_EQ(sampler.error().code(), ErrorCode::kUsage);
    return sampler.error().message();
  };
  EXPECT_EQ(message([](auto&) {}), "");
  EXPECT_THAT(message([](auto& p) { p.temperature = NAN; }), HasSubstr("temperature is nan"));
  EXPECT_THAT(message([](auto& p) { p.temperature = kInf; }), HasSubstr("temperature"));
  EXPECT_THAT(message([](auto& p) { p.top_p = 1.5f; }), HasSubstr("top-p is 1.5"));
  EXPECT_THAT(message([](auto& p) { p.top_p = NAN; }), HasSubstr("top-p"));
  EXPECT_THAT(message([](auto& p) { p.min_p = -0.1f; }), HasSubstr("min-p"));
  EXPECT_THAT(message([](auto& p) { p.repeat_penalty = 0; }), HasSubstr("repeat-penalty"));
  EXPECT_THAT(message([](auto& p) { p.presence_penalty = kInf; }), HasSubstr("presence-penalty"));
  EXPECT_THAT(message([](auto& p) { p.frequency_penalty = NAN; }), HasSubstr("frequency-penalty"));
  EXPECT_THAT(message([](auto& p) { p.repeat_last_n = -2; }), HasSubstr("repeat-last-n"));
  EXPECT_THAT(message([](auto& p) { p.logit_bias = {{100, 1}}; }), HasSubstr("token 100"));
  EXPECT_THAT(message([](auto& p) { p.logit_bias = {{-1, 1}}; }), HasSubstr("token -1"));
  EXPECT_THAT(message([](auto& p) { p.logit_bias = {{1, kInf}}; }), HasSubstr("logit-bias of token 1"));
  EXPECT_THAT(message([](auto& p) { p.logit_bias = {{1, NAN}}; }), HasSubstr("logit-bias of token 1"));
  EXPECT_EQ(message([](auto& p) { p.logit_bias = {{1, -kInf}}; }), "");
}

}  // namespace
}  // namespace gannet
