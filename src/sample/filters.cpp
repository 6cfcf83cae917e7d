#include "sample/filters.h"

#include <algorithm>
#include <cmath>

#include "base/philox.h"

namespace gannet {
namespace {

// Key of XTC's noise beside the others (draft/verify.h): added to the seed.
constexpr uint64_t kXtcNoise = 0xd6e8feb86659fd93;

float max_logit(std::span<const Candidate> candidates) {
  return std::ranges::max(candidates, {}, &Candidate::logit).logit;
}

void sort_by_likelihood(Candidates* candidates) {
  if (!std::ranges::is_sorted(*candidates, likelier)) std::ranges::sort(*candidates, likelier);
}

// Sorts by `before` only as far as `done(candidate)` asks for; what it took stays.
template <class Before, class Done>
void keep_first(Candidates* candidates, Before before, Done done) {
  constexpr size_t kFirst = 256, kGrowth = 8;
  size_t n_sorted = 0;
  for (size_t k = kFirst;; k *= kGrowth) {
    k = std::min(k, candidates->size());
    const auto begin = candidates->begin() + static_cast<std::ptrdiff_t>(n_sorted);
    const auto end = candidates->begin() + static_cast<std::ptrdiff_t>(k);
    if (k < candidates->size()) std::nth_element(begin, end, candidates->end(), before);
    std::sort(begin, end, before);
    for (; n_sorted < k; ++n_sorted) {
      if (!done((*candidates)[n_sorted])) continue;
      candidates->resize(n_sorted + 1);
      return;
    }
    if (k == candidates->size()) return;
  }
}

struct Spread {
  double sum = 0, squares = 0;
  size_t n = 0;
  void add(double x) {
    sum += x;
    squares += x * x;
    ++n;
  }
  double deviation() const {
    const double mean = sum / static_cast<double>(n);
    return std::sqrt(std::max(0.0, squares / static_cast<double>(n) - mean * mean));
  }
};

}  // namespace

void keep_top_k(size_t k, Candidates* candidates) {
  if (k < candidates->size()) {
    std::ranges::nth_element(*candidates, candidates->begin() + static_cast<std::ptrdiff_t>(k), likelier);
    candidates->resize(k);
  }
  sort_by_likelihood(candidates);
}

void keep_top_p(double top_p, size_t min_keep, Candidates* candidates) {
  const float max = max_logit(*candidates);
  const double wanted = top_p * sum_of_exp(*candidates, max);
  double sum = 0;
  size_t n = 0;
  keep_first(candidates, likelier, [&](const Candidate& c) {
    sum += std::exp(double{c.logit} - max);
    return ++n >= min_keep && sum >= wanted;
  });
}

void keep_min_p(double min_p, size_t min_keep, Candidates* candidates) {
  const double least = min_p_threshold(max_logit(*candidates), min_p);
  const auto stays = [&](const Candidate& c) { return c.logit >= least; };
  const auto n = static_cast<size_t>(std::ranges::count_if(*candidates, stays));
  if (n < min_keep) return keep_top_k(min_keep, candidates);
  std::erase_if(*candidates, [&](const Candidate& c) { return !stays(c); });
}

void keep_typical(double p, size_t min_keep, Candidates* candidates) {
  const float max = max_logit(*candidates);
  const double total = sum_of_exp(*candidates, max);
  // Surprise less the constant log(total), which is in the entropy as well.
  double mean = 0;
  for (const Candidate& c : *candidates)
    if (const double x = double{max} - c.logit; x < 700) mean += std::exp(-x) / total * x;
  const auto distance = [&](const Candidate& c) { return std::abs(double{max} - c.logit - mean); };
  double sum = 0;
  size_t n = 0;
  keep_first(
      candidates,
      [&](const Candidate& a, const Candidate& b) {
        const double x = distance(a), y = distance(b);
        return x < y || (x == y && likelier(a, b));
      },
      [&](const Candidate& c) {
        sum += std::exp(double{c.logit} - max);
        return ++n >= min_keep && sum >= p * total;
      });
}

double sigma_threshold(std::span<const float> logits, double n) {
  Spread spread;
  float max = -INFINITY;
  for (const float logit : logits) {
    if (logit == -INFINITY) continue;
    spread.add(logit);
    max = std::max(max, logit);
  }
  return max - n * spread.deviation();
}

void keep_top_n_sigma(double n, Candidates* candidates) {
  Spread spread;
  for (const Candidate& c : *candidates) spread.add(c.logit);
  const double least = max_logit(*candidates) - n * spread.deviation();
  std::erase_if(*candidates, [&](const Candidate& c) { return c.logit < least; });
}

bool xtc_strikes(const SamplingParams& params, uint64_t position) {
  return philox_uniform(philox4x32(params.seed + kXtcNoise, position, 0)[0]) < params.xtc_probability;
}

void drop_top_choices(double threshold, size_t min_keep, Candidates* candidates) {
  const float max = max_logit(*candidates);
  const double total = sum_of_exp(*candidates, max);
  const auto is_top = [&](const Candidate& c) {
    return std::exp(double{c.logit} - max) >= threshold * total;
  };
  const Candidate* last = nullptr;  // the least likely of them stays
  size_t n = 0;
  for (const Candidate& c : *candidates) {
    if (!is_top(c)) continue;
    ++n;
    if (last == nullptr || likelier(*last, c)) last = &c;
  }
  if (n < 2 || candidates->size() - (n - 1) < min_keep) return;
  const Candidate stays = *last;
  std::erase_if(*candidates, [&](const Candidate& c) { return is_top(c) && c.token != stays.token; });
}

float temperature_for(const SamplingParams& params, std::span<const Candidate> candidates) {
  if (params.dynatemp_range <= 0) return params.temperature;
  const double low = std::max(0.0, double{params.temperature} - params.dynatemp_range);
  const double high = double{params.temperature} + params.dynatemp_range;
  if (candidates.size() < 2) return static_cast<float>(high > 0 ? high : 1);  // it is certain anyhow
  double entropy = 0;
  for (const double p : probabilities(candidates, 1))
    if (p > 0) entropy -= p * std::log(p);
  const double share = std::min(1.0, entropy / std::log(static_cast<double>(candidates.size())));
  return static_cast<float>(low + (high - low) * std::pow(share, double{params.dynatemp_exponent}));
}

size_t mirostat_count(std::span<const Candidate> ranked, double temperature, double mu, size_t n_vocab) {
  // The exponent of Zipf's law, by least squares.
  double of_both = 0, of_ranks = 0;
  for (size_t i = 0; i + 1 < std::min(ranked.size(), kMirostatRanks); ++i) {
    const double rank = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    of_both += rank * (double{ranked[i].logit} - ranked[i + 1].logit) / temperature;
    of_ranks += rank * rank;
  }
  if (ranked.size() < 2) return 1;
  const double s = of_both / of_ranks, excess = s - 1;
  const auto n = static_cast<double>(n_vocab);
  // At an exponent of 1 the fraction has the limit 1 / log n.
  const double scale = std::abs(excess) < 1e-9 ? 1 / std::log(n) : excess / (1 - std::pow(n, -excess));
  const double k = std::pow(scale * std::exp2(mu), 1 / s);
  if (!(k < n)) return n_vocab;  // also where the logits do not fall at all
  return std::max<size_t>(1, static_cast<size_t>(k));
}

double mirostat_threshold(double max, double total, double temperature, double mu) {
  // -log2(exp((x - max) / temperature) / total) <= mu
  return max + temperature * (std::log(total) - mu * std::log(2.0));
}

double adaptive_target(const SamplingParams& params, double sum, double weight) {
  return std::clamp(2.0 * params.adaptive_target - sum / weight, 0.0, 1.0);
}

void prefer_near(double target, std::span<const double> p, Candidates* candidates) {
  constexpr double kPeak = 5, kSharpness = 10, kWidth = 0.3;
  for (size_t i = 0; i < p.size(); ++i) {
    const double distance = std::abs(p[i] - target) / kWidth;
    (*candidates)[i].logit = static_cast<float>(kPeak - kSharpness * distance * distance / (1 + distance));
  }
}

}  // namespace gannet
