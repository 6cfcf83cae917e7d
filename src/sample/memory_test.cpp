// Steps that remember the answer, against their papers; constraints; log-probabilities.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "sample/filters.h"
#include "sample/log_probs.h"
#include "sample/sampler.h"

namespace gannet {
namespace {

using testing::HasSubstr;

std::vector<float> random_logits(size_t n, uint32_t seed, float width = 3) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, width);
  std::vector<float> logits(n);
  for (float& x : logits) x = normal(random);
  return logits;
}

std::vector<double> softmax(const std::vector<float>& logits, double temperature = 1) {
  const double max = *std::ranges::max_element(logits);
  std::vector<double> p;
  for (const float x : logits) p.push_back(std::exp((x - max) / temperature));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

// Version 2 as the paper's algorithm tells it, on sorted probabilities.
RC_GTEST_PROP(Mirostat, TwoEqualsThePaper, ()) {
  SamplingParams p;
  p.mirostat = 2;
  p.temperature = *rc::gen::element(0.5f, 1.0f, 2.0f);
  p.mirostat_tau = *rc::gen::element(1.0f, 5.0f, 8.0f);
  p.mirostat_eta = *rc::gen::element(0.1f, 0.5f);
  p.seed = *rc::gen::arbitrary<uint64_t>();
  const size_t n = *rc::gen::element<size_t>(3, 100, 1000);
  auto sampler = Sampler::create(p, static_cast<int32_t>(n)).take();
  SamplerState state = sampler.fresh_state();
  double mu = 2 * p.mirostat_tau;
  for (uint64_t position = 0; position < 8; ++position) {
    const auto logits = random_logits(n, *rc::gen::arbitrary<uint32_t>());
    const std::vector<double> all = softmax(logits, p.temperature);
    std::vector<TokenId> kept;
    for (size_t i = 0; i < n; ++i)
      if (-std::log2(all[i]) <= mu) kept.push_back(static_cast<TokenId>(i));
    if (kept.empty()) kept.push_back(static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin()));
    const auto got = sampler.distribution(logits, position, {}, {.allowed = {}, .state = &state}).take();
    std::vector<TokenId> ids;
    for (const Candidate& c : got.candidates) ids.push_back(c.token);
    std::ranges::sort(ids);
    RC_ASSERT(ids == kept);
    const TokenId token = sampler.sample(logits, position, {}, {.allowed = {}, .state = &state}).take();
    sampler.accept(token, &state);
    double sum = 0;
    for (const TokenId id : kept) sum += all[static_cast<size_t>(id)];
    mu -= p.mirostat_eta * (-std::log2(all[static_cast<size_t>(token)] / sum) - p.mirostat_tau);
    RC_ASSERT(std::abs(state.mirostat_mu - mu) < 1e-6 * (1 + std::abs(mu)));
  }
}

TEST(Mirostat, OneFollowsZipf) {
  // Probabilities fall as rank^-2: the estimate finds the exponent, and k follows from the paper's equation.
  std::vector<Candidate> ranked;
  for (int i = 0; i < 100; ++i) ranked.push_back({-2 * std::log(static_cast<float>(i + 1)), i});
  const double mu = 6, n = 5000;
  const double k = std::pow(1.0 * std::exp2(mu) / (1 - std::pow(n, -1.0)), 1.0 / 2);
  EXPECT_EQ(mirostat_count(ranked, 1, mu, 5000), static_cast<size_t>(k));
  EXPECT_EQ(mirostat_count(ranked, 1, -100, 5000), 1u);
  EXPECT_EQ(mirostat_count(ranked, 1, 1000, 5000), 5000u);
  EXPECT_EQ(mirostat_count(std::span(ranked).first(1), 1, mu, 5000), 1u);
  // At an exponent of 1 the equation has only a limit.
  for (Candidate& c : ranked) c.logit /= 2;
  EXPECT_EQ(mirostat_count(ranked, 1, 5, 5000), static_cast<size_t>(32 / std::log(5000.0)));
  const std::vector<Candidate> flat(100, Candidate{1, 0});
  EXPECT_EQ(mirostat_count(flat, 1, 12, 5000), 1u) << "all tokens have 12.3 bits";
  EXPECT_EQ(mirostat_count(flat, 1, 13, 5000), 5000u);
}

// Over a long answer the surprise comes to what was asked for.
TEST(Mirostat, TheSurpriseComesToTheTarget) {
  for (const int version : {1, 2}) {
    for (const float tau : {2.0f, 4.0f}) {
      SamplingParams p;
      p.mirostat = version;
      p.mirostat_tau = tau;
      p.temperature = 1;
      auto sampler = Sampler::create(p, 2000).take();
      SamplerState state = sampler.fresh_state();
      double sum = 0;
      const int n = 3000;
      for (uint64_t i = 0; i < n; ++i) {
        const auto logits = random_logits(2000, static_cast<uint32_t>(i % 50), 2);
        const TokenId token = sampler.sample(logits, i, {}, {.allowed = {}, .state = &state}).take();
        const Distribution last = sampler.last();
        const auto found = std::ranges::find(last.candidates, token, &Candidate::token);
        sum -= std::log2(probabilities(
            last.candidates, last.temperature)[static_cast<size_t>(found - last.candidates.begin())]);
        sampler.accept(token, &state);
      }
      EXPECT_NEAR(sum / n, tau, 0.15) << "version " << version;
    }
  }
}

TEST(AdaptiveP, ByHand) {
  SamplingParams p;
  p.adaptive_target = 0.4f;
  p.adaptive_decay = 0.5f;
  p.top_k = 0;
  p.top_p = 1;
  p.min_p = 0;
  p.temperature = 1;
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  auto sampler = Sampler::create(p, 3).take();
  SamplerState state = sampler.fresh_state();
  EXPECT_NEAR(state.adaptive_weight, 2, 1e-6);
  EXPECT_NEAR(state.adaptive_sum, 0.8, 1e-6);
  const auto bent = [&](double target, double q) {
    const double d = std::abs(q - target) / 0.3;
    return 5 - 10 * d * d / (1 + d);
  };
  auto got = sampler.distribution(logits, 0, {}, {.allowed = {}, .state = &state}).take();
  ASSERT_EQ(got.candidates.size(), 3u);
  EXPECT_EQ(got.temperature, 1);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(got.candidates[i].logit, bent(0.4, std::exp(logits[i])), 1e-4) << i;
  sampler.accept(0, &state);  // 0.5 was chosen: the average is 0.45, the target goes down to 0.35
  EXPECT_NEAR(state.adaptive_sum, 0.5 + 0.5 * 0.8, 1e-6);
  EXPECT_NEAR(state.adaptive_weight, 2, 1e-6);
  got = sampler.distribution(logits, 1, {}, {.allowed = {}, .state = &state}).take();
  for (size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(got.candidates[i].logit, bent(0.35, std::exp(logits[i])), 1e-4) << i;
}

// Greedy and requests without such steps remember nothing; a token that was not drawn changes nothing.
TEST(SamplerState, OnlyWhatWasDrawnIsRemembered) {
  const auto logits = random_logits(50, 1);
  for (const bool greedy : {false, true}) {
    SamplingParams p;
    if (greedy) {
      p.mirostat = 2;
      p.temperature = 0;
    }
    auto sampler = Sampler::create(p, 50).take();
    SamplerState state = sampler.fresh_state();
    const double mu = state.mirostat_mu;
    sampler.accept(sampler.sample(logits, 0, {}, {.allowed = {}, .state = &state}).take(), &state);
    EXPECT_EQ(state.mirostat_mu, mu);
  }
  SamplingParams p;
  p.mirostat = 2;
  p.mirostat_tau = 0.5f;
  auto sampler = Sampler::create(p, 50).take();
  SamplerState state = sampler.fresh_state();
  state.mirostat_mu = 0.01;
  const double mu = state.mirostat_mu;
  const TokenId token = sampler.sample(logits, 0, {}, {.allowed = {}, .state = &state}).take();
  sampler.accept((token + 1) % 50, &state);
  EXPECT_EQ(state.mirostat_mu, mu);
  sampler.accept(token, &state);
  EXPECT_NE(state.mirostat_mu, mu);
}

// With the whole vocabulary open the draws have the distribution that the transformation says.
TEST(AdaptiveP, TheDrawsFollowTheBentDistribution) {
  SamplingParams p;
  p.adaptive_target = 0.3f;
  p.top_k = 0;
  p.top_p = 1;
  p.min_p = 0;
  p.temperature = 1;
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
  auto sampler = Sampler::create(p, 4).take();
  const Distribution got = sampler.distribution(logits, 0, {}).take();
  const std::vector<double> expected = probabilities(got.candidates, got.temperature);
  std::vector<int> counts(4);
  const int n = 40000;
  for (uint64_t i = 0; i < n; ++i) ++counts[static_cast<size_t>(sampler.sample(logits, i, {}).take())];
  double chi = 0;
  for (size_t i = 0; i < 4; ++i) chi += std::pow(counts[i] - n * expected[i], 2) / (n * expected[i]);
  EXPECT_LT(chi, 16.27) << "three degrees of freedom, 0.1 %";
}

TEST(Constraint, OnlyAllowedTokensAreDrawn) {
  const auto logits = random_logits(130, 9);
  const std::vector<uint64_t> mask = {uint64_t{1} << 63 | 1, 0, 2};  // 0, 63, 129
  SamplingParams open;
  open.temperature = 3;
  auto sampler = Sampler::create(open, 130).take();
  std::vector<int> seen(130);
  for (uint64_t i = 0; i < 200; ++i)
    ++seen[static_cast<size_t>(sampler.sample(logits, i, {}, {.allowed = mask, .state = nullptr}).take())];
  EXPECT_EQ(seen[0] + seen[63] + seen[129], 200);
  SamplingParams greedy;
  greedy.temperature = 0;
  auto likeliest = Sampler::create(greedy, 130).take();
  const TokenId best = likeliest.sample(logits, 0, {}, {.allowed = mask, .state = nullptr}).take();
  EXPECT_TRUE(best == 0 || best == 63 || best == 129);
  // What is not allowed may hold anything.
  auto broken = logits;
  broken[64] = NAN;
  EXPECT_EQ(likeliest.sample(broken, 0, {}, {.allowed = mask, .state = nullptr}).take(), best);
  const std::vector<uint64_t> nothing(3, 0);
  const auto refused = likeliest.sample(logits, 7, {}, {.allowed = nothing, .state = nullptr});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("no token can be chosen at position 7"));
}

TEST(LogProbs, OfTheModelAndOfTheDraw) {
  const std::vector<float> logits = {std::log(0.2f), std::log(0.5f), -INFINITY, std::log(0.3f)};
  const LogProbs raw = log_probs_of_logits(logits, 0, 2);
  EXPECT_NEAR(raw.chosen, std::log(0.2), 1e-6);
  ASSERT_EQ(raw.top.size(), 2u);
  EXPECT_EQ(raw.top[0].token, 1);
  EXPECT_NEAR(raw.top[0].log_prob, std::log(0.5), 1e-6);
  EXPECT_EQ(raw.top[1].token, 3);
  EXPECT_EQ(log_probs_of_logits(logits, 0, 100).top.size(), 3u) << "what is impossible is not listed";
  EXPECT_TRUE(log_probs_of_logits(logits, 0, 0).top.empty());
  const std::vector<Candidate> drawn = {{std::log(0.3f), 3}, {std::log(0.5f), 1}};
  const LogProbs post = log_probs_of_distribution(drawn, 0.5f, 3, 5);
  EXPECT_NEAR(post.chosen, std::log(0.09 / (0.09 + 0.25)), 1e-6);
  ASSERT_EQ(post.top.size(), 2u);
  EXPECT_EQ(post.top[0].token, 1);
  EXPECT_EQ(log_probs_of_distribution(drawn, 1, 2, 0).chosen, -INFINITY);
}

}  // namespace
}  // namespace gannet
