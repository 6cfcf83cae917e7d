#include "sample/steps.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace gannet {
namespace {

constexpr float kInf = INFINITY;

std::vector<float> random_logits(size_t n, uint32_t seed, float spread = 3) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> logits(n);
  for (float& x : logits) x = normal(random);
  return logits;
}

BlockMaxima maxima_of(std::span<const float> logits) {
  BlockMaxima maxima;
  find_block_maxima(logits, &maxima);
  return maxima;
}

// Short vectors with many equal values, so that ties and block edges occur.
rc::Gen<std::vector<float>> tied_logits() {
  return rc::gen::mapcat(rc::gen::inRange<size_t>(1, 400), [](size_t n) {
    return rc::gen::container<std::vector<float>>(
        n, rc::gen::element(-kInf, -2.5f, -1.0f, -0.0f, 0.0f, 0.5f, 1.0f, 7.0f));
  });
}

RC_GTEST_PROP(BlockMaxima, MaximumAndLowestIdOfIt, ()) {
  const auto logits = *tied_logits();
  const auto maxima = maxima_of(logits);
  const auto expected = std::max_element(logits.begin(), logits.end());
  RC_ASSERT(!maxima.defective);
  RC_ASSERT(maxima.max == *expected);
  if (*expected > -kInf) RC_ASSERT(likeliest(logits, maxima) == expected - logits.begin());
}

TEST(BlockMaxima, DefectsAreFoundInEveryPlace) {
  for (const size_t n : {1, 15, 63, 64, 65, 128, 200}) {
    for (size_t at = 0; at < n; ++at) {
      std::vector<float> logits(n, 1.0f);
      for (const float bad : {NAN, -NAN, kInf}) {
        logits[at] = bad;
        EXPECT_TRUE(maxima_of(logits).defective) << n << ' ' << at << ' ' << bad;
      }
      for (const float good : {-kInf, 3.0e38f, -3.0e38f, 0.0f}) {
        logits[at] = good;
        EXPECT_FALSE(maxima_of(logits).defective) << n << ' ' << at << ' ' << good;
      }
    }
  }
  EXPECT_EQ(maxima_of(std::vector<float>(100, -kInf)).max, -kInf);
}

RC_GTEST_PROP(TopK, EqualsAFullSort, ()) {
  const auto logits = *tied_logits();
  const auto k = *rc::gen::inRange<size_t>(1, logits.size() + 3);
  std::vector<Candidate> expected;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > -kInf) expected.push_back({logits[i], static_cast<TokenId>(i)});
  }
  std::sort(expected.begin(), expected.end(), likelier);
  expected.resize(std::min(k, expected.size()));
  std::vector<float> scratch;
  std::vector<Candidate> got;
  select_top_k(logits, maxima_of(logits), k, &scratch, &got);
  const auto same = [](const Candidate& a, const Candidate& b) {
    return a.token == b.token && a.logit == b.logit;
  };
  RC_ASSERT(std::equal(got.begin(), got.end(), expected.begin(), expected.end(), same));
}

TEST(TopP, Counts) {
  // Probabilities 0.5, 0.25, 0.125, 0.125.
  std::vector<Candidate> c;
  const float p[] = {0.5f, 0.25f, 0.125f, 0.125f};
  for (int i = 0; i < 4; ++i) c.push_back({std::log(p[i]), i});
  const double total = sum_of_exp(c, c[0].logit);
  EXPECT_NEAR(total, 2, 1e-6);
  EXPECT_EQ(top_p_count(c, 0.0, total), 1u);
  EXPECT_EQ(top_p_count(c, 0.4, total), 1u);
  EXPECT_EQ(top_p_count(c, 0.51, total), 2u);
  EXPECT_EQ(top_p_count(c, 0.76, total), 3u);
  EXPECT_EQ(top_p_count(c, 0.9, total), 4u);
  EXPECT_EQ(top_p_count(std::span(c).first(2), 0.9, total), std::nullopt);
}

TEST(TopP, EqualLogitsReachTheShareExactly) {
  // Every term is exp(0) = 1, so the sums are whole and the share is met to the bit.
  const std::vector<Candidate> c = {{3, 0}, {3, 1}, {3, 2}, {3, 3}};
  const double total = sum_of_exp(c, 3);
  EXPECT_EQ(total, 4);
  EXPECT_EQ(top_p_count(c, 0.25, total), 1u);
  EXPECT_EQ(top_p_count(c, 0.5, total), 2u);
  EXPECT_EQ(top_p_count(c, 0.75, total), 3u);
  EXPECT_EQ(top_p_count(c, 1.0, total), 4u);
  EXPECT_EQ(top_p_count(c, 0.2500001, total), 2u);
  EXPECT_EQ(top_p_count(std::span(c).first(2), 0.5, total), 2u);
  EXPECT_EQ(top_p_count(std::span(c).first(2), 0.51, total), std::nullopt);
}

TEST(MinP, Threshold) {
  EXPECT_NEAR(min_p_threshold(2.0f, 0.5), 2.0 - std::log(2.0), 1e-12);
  EXPECT_EQ(min_p_threshold(2.0f, 1.0), 2.0);
  EXPECT_EQ(min_p_threshold(2.0f, 0.0), -kInf);
}

TEST(LogitBias, Adds) {
  std::vector<float> logits = {1, 2, 3};
  const std::vector<LogitBias> biases = {{0, 0.5f}, {2, -kInf}, {0, 1.0f}};
  apply_logit_bias(biases, logits);
  EXPECT_EQ(logits, (std::vector<float>{2.5f, 2, -kInf}));
}

TEST(Penalties, ByHand) {
  SamplingParams p;
  p.repeat_penalty = 2;
  p.presence_penalty = 0.25f;
  p.frequency_penalty = 0.5f;
  std::vector<TokenId> scratch;
  const std::vector<TokenId> history = {0, 1, 2, 1, 5, -1, 2, 1};  // 5 and -1 are outside
  std::vector<float> logits = {1, 1, -1, 1};
  apply_penalties(p, history, &scratch, logits);
  EXPECT_EQ(logits, (std::vector<float>{1 / 2.0f - 0.75f, 1 / 2.0f - 1.75f, -2.0f - 1.25f, 1}));
  logits = {1, 1, -1, 1};
  p.repeat_last_n = 2;
  apply_penalties(p, history, &scratch, logits);
  EXPECT_EQ(logits, (std::vector<float>{1, 1 / 2.0f - 0.75f, -2.0f - 0.75f, 1}));
  logits = {1, 1, -1, 1};
  p.repeat_last_n = -1;
  apply_penalties(p, history, &scratch, logits);
  EXPECT_EQ(logits[0], 1 / 2.0f - 0.75f);
  logits = {1, 1, -1, -kInf};
  p.repeat_last_n = 0;
  apply_penalties(p, history, &scratch, logits);
  EXPECT_EQ(logits, (std::vector<float>{1, 1, -1, -kInf}));
}

TEST(Gumbel, MomentsAndKeys) {
  double sum = 0, squares = 0;
  const int n = 200000;
  for (int i = 0; i < n; ++i) {
    const double g = gumbel_noise(1, static_cast<uint64_t>(i) / 100, i % 100);
    ASSERT_TRUE(std::isfinite(g) && g > -3.2 && g < 22.9);
    sum += g;
    squares += g * g;
  }
  const double mean = sum / n, variance = squares / n - mean * mean;
  EXPECT_NEAR(mean, 0.5772156649, 0.015);  // Euler's constant; 5 standard errors
  EXPECT_NEAR(variance, M_PI * M_PI / 6, 0.03);
  const double g = gumbel_noise(1, 2, 3);
  EXPECT_EQ(g, gumbel_noise(1, 2, 3));
  EXPECT_NE(g, gumbel_noise(2, 2, 3));
  EXPECT_NE(g, gumbel_noise(1, 3, 3));
  EXPECT_NE(g, gumbel_noise(1, 2, 4));
  EXPECT_NE(g, gumbel_noise(1, 2 + (uint64_t{1} << 32), 3));
  EXPECT_NE(g, gumbel_noise(1 + (uint64_t{1} << 32), 2, 3));
}

// Keys whose word is the largest and the smallest there is: found by a search of all of them.
constexpr uint64_t kLoudSeed = 1, kLoudPosition = 2086102, kQuietPosition = 1100926;
constexpr TokenId kLoudToken = 125, kQuietToken = 404;

TEST(Gumbel, Extremes) {
  EXPECT_NEAR(gumbel_noise(kLoudSeed, kLoudPosition, kLoudToken), 33 * std::log(2.0), 1e-6);
  EXPECT_NEAR(gumbel_noise(kLoudSeed, kQuietPosition, kQuietToken), -std::log(33 * std::log(2.0)), 1e-6);
}

std::vector<Candidate> candidates_of(std::span<const float> logits) {
  std::vector<Candidate> c;
  for (size_t i = 0; i < logits.size(); ++i) c.push_back({logits[i], static_cast<TokenId>(i)});
  return c;
}

double chi_square(const std::vector<int>& counts, const std::vector<double>& p, int n) {
  double chi = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const double expected = p[i] * n;
    chi += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return chi;
}

TEST(Draw, SamplesTheSoftmaxAtEveryTemperature) {
  const auto logits = random_logits(12, 5, 1);
  const auto candidates = candidates_of(logits);
  const int n = 200000;
  for (const float temperature : {0.5f, 1.0f, 2.0f}) {
    std::vector<double> p(logits.size());
    for (size_t i = 0; i < p.size(); ++i) p[i] = std::exp(logits[i] / temperature);
    const double total = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& x : p) x /= total;
    std::vector<int> counts(logits.size());
    for (int i = 0; i < n; ++i)
      ++counts[static_cast<size_t>(draw(candidates, temperature, 42, static_cast<uint64_t>(i)))];
    // 11 degrees of freedom: 40.0 is exceeded with probability 3.5e-5.
    EXPECT_LT(chi_square(counts, p, n), 40.0) << temperature;
    // The same draws under another distribution must stand out.
    std::swap(p.front(), *std::max_element(p.begin() + 1, p.end()));
    EXPECT_GT(chi_square(counts, p, n), 400.0) << temperature;
  }
}

TEST(Draw, NeighbouringPositionsAreIndependent) {
  const std::vector<float> logits = {0, 0, 0, 0};
  const auto candidates = candidates_of(logits);
  const int n = 160000;
  std::vector<int> counts(16);
  for (int i = 0; i < n; ++i) {
    const auto a = draw(candidates, 1, 9, static_cast<uint64_t>(2 * i));
    const auto b = draw(candidates, 1, 9, static_cast<uint64_t>(2 * i + 1));
    ++counts[static_cast<size_t>(a * 4 + b)];
  }
  EXPECT_LT(chi_square(counts, std::vector<double>(16, 1 / 16.0), n),
            48.0);  // 15 degrees: probability 2.6e-5
}

// A candidate that only the loudest noise there is can lift above the likeliest one.
TEST(Draw, TheLoudestNoiseWinsAsFarAsItReaches) {
  const double reach = gumbel_noise(kLoudSeed, kLoudPosition, kLoudToken) -
                       gumbel_noise(kLoudSeed, kLoudPosition, kLoudToken + 1);
  for (const float temperature : {0.5f, 1.0f, 2.0f})
    for (const double less : {0.001, 1.0, 10.0}) {
      const auto below = [&](double distance) {
        const std::vector<Candidate> c = {{0, kLoudToken + 1},
                                          {static_cast<float>(-distance * temperature), kLoudToken}};
        return draw(c, temperature, kLoudSeed, kLoudPosition);
      };
      EXPECT_EQ(below(reach - less), kLoudToken) << temperature << ' ' << less;
      EXPECT_EQ(below(reach + less), kLoudToken + 1) << temperature << ' ' << less;
    }
}

// Tokens 1430 and 11495 have the same noise there.
TEST(Draw, TheLowerIdWinsATie) {
  ASSERT_EQ(gumbel_noise(1, 121, 1430), gumbel_noise(1, 121, 11495));
  const std::vector<Candidate> rising = {{2, 1430}, {2, 11495}}, falling = {{2, 11495}, {2, 1430}};
  EXPECT_EQ(draw(rising, 0.8f, 1, 121), 1430);
  EXPECT_EQ(draw(falling, 0.8f, 1, 121), 1430);
}

TEST(Draw, ExtremeTemperatures) {
  const std::vector<float> logits = {-3.0e38f, 3.0e38f, 1.0f};
  for (const float temperature : {1e-38f, 1e-6f, 1.0f, 3e38f}) {
    for (uint64_t position = 0; position < 100; ++position) {
      const auto token = draw(candidates_of(logits), temperature, 1, position);
      ASSERT_TRUE(token >= 0 && token < 3);
      if (temperature <= 1) {
        ASSERT_EQ(token, 1);
      }
    }
  }
}

// The noise does not depend on the candidates, so changing the logits a little rarely changes the choice: the
// property that speculative drafts live on.
TEST(Draw, MatchesADraftAtLeastAsOftenAsTheBound) {
  const size_t n_vocab = 50;
  const auto target = random_logits(n_vocab, 1, 2);
  auto draft = target;
  const auto error = random_logits(n_vocab, 2, 0.7f);
  for (size_t i = 0; i < n_vocab; ++i) draft[i] += error[i];
  const auto softmax = [](std::span<const float> logits) {
    std::vector<double> p;
    for (const float x : logits) p.push_back(std::exp(x));
    const double total = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& x : p) x /= total;
    return p;
  };
  const auto p = softmax(target), q = softmax(draft);
  double expected = 0;  // sum over x of 1 / sum over y of max(p_y / p_x, q_y / q_x)
  for (size_t x = 0; x < n_vocab; ++x) {
    double sum = 0;
    for (size_t y = 0; y < n_vocab; ++y) sum += std::max(p[y] / p[x], q[y] / q[x]);
    expected += 1 / sum;
  }
  int equal = 0;
  const int n = 40000;
  const auto a = candidates_of(target), b = candidates_of(draft);
  for (uint64_t i = 0; i < n; ++i) equal += draw(a, 1, 3, i) == draw(b, 1, 3, i) ? 1 : 0;
  EXPECT_NEAR(equal / double{n}, expected, 4 * std::sqrt(expected * (1 - expected) / n));
}

RC_GTEST_PROP(Draw, RaisingALogitCanOnlyTurnTheChoiceToItsToken, ()) {
  auto candidates = candidates_of(random_logits(40, *rc::gen::arbitrary<uint32_t>()));
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  const auto position = *rc::gen::inRange<uint64_t>(0, 100000);
  const auto raised = *rc::gen::inRange<size_t>(0, candidates.size());
  const auto before = draw(candidates, 0.8f, seed, position);
  candidates[raised].logit += static_cast<float>(*rc::gen::inRange(0, 800)) / 100.0f;
  const auto after = draw(candidates, 0.8f, seed, position);
  RC_ASSERT(after == before || after == candidates[raised].token);
  if (before == candidates[raised].token) RC_ASSERT(after == before);
}

RC_GTEST_PROP(Draw, OrderOfCandidatesDoesNotMatter, ()) {
  auto candidates = candidates_of(random_logits(40, *rc::gen::arbitrary<uint32_t>()));
  const auto position = *rc::gen::arbitrary<uint64_t>();
  const auto token = draw(candidates, 0.8f, 7, position);
  std::reverse(candidates.begin(), candidates.end());
  RC_ASSERT(draw(candidates, 0.8f, 7, position) == token);
}

}  // namespace
}  // namespace gannet
