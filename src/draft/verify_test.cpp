// Rejection keeps the distribution of the target, whatever drafts; shared noise keeps the very token.
#include "draft/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/philox.h"

namespace gannet {
namespace {

constexpr int kVocab = 16;
constexpr uint64_t kDraws = 200'000;
constexpr uint64_t kDraftNoise = 0x9e3779b97f4a7c15;  // a drafter's own

std::vector<double> normalised(std::vector<double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& w : weights) w /= sum;
  return weights;
}

std::vector<double> random_distribution(uint64_t seed, double zeros = 0) {
  std::vector<double> w(kVocab);
  for (int i = 0; i < kVocab; ++i) {
    const auto words = philox4x32(seed, 1, static_cast<uint64_t>(i));
    w[static_cast<size_t>(i)] = philox_uniform(words[0]) < zeros ? 0 : -std::log(philox_uniform(words[1]));
  }
  w[seed % kVocab] += 0.1;
  return normalised(w);
}

std::vector<double> one_hot(int at) {
  std::vector<double> w(kVocab, 0.0);
  w[static_cast<size_t>(at)] = 1;
  return w;
}

std::vector<float> logits_of(const std::vector<double>& p) {
  std::vector<float> logits;
  for (const double x : p) logits.push_back(x > 0 ? static_cast<float>(std::log(x)) : -INFINITY);
  return logits;
}

// A token drawn from q with noise of its own, and q.
DraftToken drawn_from(const std::vector<double>& q, uint64_t seed, uint64_t position) {
  DraftToken draft;
  std::vector<Candidate> log_q;
  for (int i = 0; i < kVocab; ++i) {
    const double x = q[static_cast<size_t>(i)];
    if (x <= 0) continue;
    draft.candidates.push_back({static_cast<float>(x), i});
    log_q.push_back({static_cast<float>(std::log(x)), i});
  }
  draft.token = draw(log_q, 1, seed + kDraftNoise, position);
  return draft;
}

SamplingParams everything(uint64_t seed) {
  SamplingParams params;
  params.top_k = 0;
  params.top_p = 1;
  params.min_p = 0;
  params.temperature = 1;
  params.seed = seed;
  return params;
}

// Sum over the tokens of (seen - expected)^2 / expected, and its degrees of freedom.
struct ChiSquare {
  double value = 0;
  int freedom = -1;
};
ChiSquare chi_square(const std::vector<uint64_t>& seen, const std::vector<double>& p, double n) {
  ChiSquare chi;
  for (size_t i = 0; i < p.size(); ++i) {
    if (p[i] * n < 1e-9) {
      EXPECT_EQ(seen[i], 0u) << "a token that p does not have";
      continue;
    }
    const double expected = p[i] * n, off = static_cast<double>(seen[i]) - expected;
    chi.value += off * off / expected;
    ++chi.freedom;
  }
  return chi;
}
// Wilson and Hilferty's approximation: 3.72 standard deviations are p = 1e-4.
void expect_fits(const ChiSquare& chi) {
  if (chi.freedom < 1) return;
  const double k = chi.freedom, s = 2 / (9 * k);
  EXPECT_LT((std::cbrt(chi.value / k) - (1 - s)) / std::sqrt(s), 3.72) << chi.value << " of " << chi.freedom;
}

struct PairOfDistributions {
  const char* name;
  std::vector<double> p, q;
  bool certain = false;  // the draft says nothing about q
};

std::vector<PairOfDistributions> pairs() {
  std::vector<double> low(kVocab, 0.0), high(kVocab, 0.0);
  for (size_t i = 0; i < kVocab; ++i) (i < kVocab / 2 ? low : high)[i] = 2.0 / kVocab;
  return {
      {"random", random_distribution(1), random_distribution(2)},
      {"zeros", random_distribution(3, 0.4), random_distribution(4, 0.4)},
      {"equal", random_distribution(5), random_distribution(5)},
      {"disjoint", low, high},
      {"sure drafter", random_distribution(6), one_hot(3)},
      {"sure target", one_hot(7), random_distribution(8)},
      {"certain draft", random_distribution(9), one_hot(2), true},
  };
}

TEST(Rejection, KeepsTheDistributionOfTwoTokensInARow) {
  for (const PairOfDistributions& pair : pairs()) {
    SCOPED_TRACE(pair.name);
    // The second token's distributions depend on the first.
    const auto second_p = [&](int first) { return random_distribution(static_cast<uint64_t>(100 + first)); };
    std::vector<uint64_t> first(kVocab), both(kVocab * kVocab);
    double accepted = 0;
    for (uint64_t n = 0; n < kDraws; ++n) {
      Sampler sampler = Sampler::create(everything(n), kVocab).take();
      DraftToken draft = drawn_from(pair.q, n, 0);
      if (pair.certain) draft.candidates.clear();
      const TokenId one =
          choose_token(sampler, logits_of(pair.p), 0, {}, draft, Verification::kRejection).take();
      accepted += one == draft.token ? 1 : 0;
      ++first[static_cast<size_t>(one)];
      const DraftToken next = drawn_from(pair.q, n, 1);
      const TokenId two =
          choose_token(sampler, logits_of(second_p(one)), 1, {}, next, Verification::kRejection).take();
      ++both[static_cast<size_t>(one * kVocab + two)];
    }
    const auto n = static_cast<double>(kDraws);
    expect_fits(chi_square(first, pair.p, n));
    std::vector<double> joint;
    for (int i = 0; i < kVocab; ++i)
      for (const double x : second_p(i)) joint.push_back(pair.p[static_cast<size_t>(i)] * x);
    expect_fits(chi_square(both, joint, n));
    // As often as the distributions overlap; a rejected draft may come out by chance of its own only if the
    // draft was certain, and then it does not.
    double overlap = 0;
    for (size_t i = 0; i < kVocab; ++i) overlap += std::min(pair.p[i], pair.q[i]);
    EXPECT_NEAR(accepted / n, overlap, 4 * std::sqrt(0.25 / n) + 1e-9);
  }
}

TEST(SharedNoise, ChoosesWhatTheSamplerChooses) {
  for (uint64_t n = 0; n < 2000; ++n) {
    Sampler sampler = Sampler::create(everything(n), kVocab).take();
    const auto logits = logits_of(random_distribution(n));
    const DraftToken draft = drawn_from(random_distribution(n + 1), n, 5);
    EXPECT_EQ(choose_token(sampler, logits, 5, {}, draft, Verification::kSharedNoise).take(),
              sampler.sample(logits, 5, {}).take());
  }
}

// Daliri et al. 2408.07978: sum over x of 1 / sum over y of max(p_y/p_x, q_y/q_x).
TEST(SharedNoise, MatchesAsOftenAsTheFormulaSays) {
  const auto p = random_distribution(11), q = random_distribution(12);
  double expected = 0;
  for (size_t x = 0; x < kVocab; ++x) {
    double sum = 0;
    for (size_t y = 0; y < kVocab; ++y) sum += std::max(p[y] / p[x], q[y] / q[x]);
    expected += 1 / sum;
  }
  double matched = 0;
  for (uint64_t n = 0; n < kDraws; ++n) {
    Sampler sampler = Sampler::create(everything(n), kVocab).take();
    matched += sampler.sample(logits_of(p), 3, {}).take() == sampler.sample(logits_of(q), 3, {}).take();
  }
  const auto n = static_cast<double>(kDraws);
  EXPECT_NEAR(matched / n, expected, 4 * std::sqrt(expected * (1 - expected) / n));
}

TEST(Rejection, IsGreedyAtTemperatureZero) {
  SamplingParams params = everything(1);
  params.temperature = 0;
  Sampler sampler = Sampler::create(params, kVocab).take();
  const auto p = random_distribution(21);
  const auto best = static_cast<TokenId>(std::ranges::max_element(p) - p.begin());
  for (uint64_t n = 0; n < 50; ++n)
    EXPECT_EQ(choose_token(sampler, logits_of(p), n, {}, drawn_from(random_distribution(n), n, 0),
                           Verification::kRejection)
                  .take(),
              best);
}

}  // namespace
}  // namespace gannet
