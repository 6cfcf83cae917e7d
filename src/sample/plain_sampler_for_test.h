// The steps of sampling as their sources tell them, with full sorts and nothing clever, for comparison.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "sample/dry.h"
#include "sample/filters.h"

namespace gannet {

class PlainSampler {
 public:
  PlainSampler(SamplingParams params, std::vector<std::string> pieces = {},
               std::vector<std::string> breakers = {})
      : p_(std::move(params)), pieces_(std::move(pieces)), breakers_(std::move(breakers)) {}

  Candidates all;
  double temperature = 1;

  void run(const std::vector<float>& logits, uint64_t position, const std::vector<TokenId>& history,
           const std::vector<bool>& allowed = {}) {
    all.clear();
    temperature = 1;
    for (size_t i = 0; i < logits.size(); ++i)
      if (allowed.empty() || allowed[i]) all.push_back({logits[i], static_cast<TokenId>(i)});
    for (const LogitBias& b : p_.logit_bias)
      for (Candidate& c : all)
        if (c.token == b.token) c.logit += b.bias;
    for (const SamplingStep step : p_.steps) {
      std::erase_if(all, [](const Candidate& c) { return c.logit == -INFINITY; });
      apply(step, position, history);
    }
    std::erase_if(all, [](const Candidate& c) { return c.logit == -INFINITY; });
  }

  std::vector<double> softmax() const {
    double max = -INFINITY, sum = 0;
    for (const Candidate& c : all) max = std::max(max, double{c.logit});
    std::vector<double> p;
    for (const Candidate& c : all) p.push_back(std::exp((c.logit - max) / temperature));
    for (const double x : p) sum += x;
    for (double& x : p) x /= sum;
    return p;
  }

  // What each token would lose by DRY.
  std::map<TokenId, double> dry(std::vector<TokenId> text) const {
    if (p_.dry_penalty_last_n >= 0 && std::ssize(text) > p_.dry_penalty_last_n)
      text.erase(text.begin(), text.end() - p_.dry_penalty_last_n);
    // Behind the token in which the last breaker ends.
    std::string bytes;
    std::vector<size_t> ends;
    for (const TokenId id : text) {
      if (!pieces_.empty()) bytes += pieces_[static_cast<size_t>(id)];
      ends.push_back(bytes.size());
    }
    size_t begin = 0;
    for (const std::string& b : breakers_)
      for (size_t at = bytes.find(b); at != bytes.npos; at = bytes.find(b, at + 1))
        begin = std::max(
            begin, static_cast<size_t>(std::ranges::lower_bound(ends, at + b.size()) - ends.begin()) + 1);
    const size_t limit = text.size() - begin;
    std::map<TokenId, double> lost;
    if (std::ssize(text) < 2 || static_cast<int>(limit) < p_.dry_allowed_length) return lost;
    for (size_t i = 0; i + 1 < text.size(); ++i) {
      int m = 0;
      while (m <= static_cast<int>(i) && static_cast<size_t>(m) < limit &&
             text[i - static_cast<size_t>(m)] == text[text.size() - 1 - static_cast<size_t>(m)])
        ++m;
      const TokenId next = text[i + 1];
      const bool breaks = std::ranges::any_of(breakers_, [&](const std::string& b) {
        return pieces_[static_cast<size_t>(next)].find(b) != std::string::npos;
      });
      if (m < p_.dry_allowed_length || breaks) continue;
      const double penalty = p_.dry_multiplier * std::pow(double{p_.dry_base}, m - p_.dry_allowed_length);
      lost[next] = std::max(lost[next], std::min(penalty, 1e6));
    }
    return lost;
  }

 private:
  void sort() { std::ranges::sort(all, likelier); }
  size_t least() const { return static_cast<size_t>(std::max(p_.min_keep, 1)); }
  void keep(size_t n) { all.resize(std::min(all.size(), std::max(n, least()))); }

  void apply(SamplingStep step, uint64_t position, const std::vector<TokenId>& history) {
    sort();
    const std::vector<double> p = softmax();
    switch (step) {
      case SamplingStep::kPenalties: {
        std::map<TokenId, int> counts;
        const auto n = std::ssize(history);
        for (auto i = p_.repeat_last_n < 0 ? 0 : std::max<std::ptrdiff_t>(0, n - p_.repeat_last_n); i < n;
             ++i)
          ++counts[history[static_cast<size_t>(i)]];
        for (Candidate& c : all) {
          const auto found = counts.find(c.token);
          if (found == counts.end()) continue;
          c.logit = c.logit > 0 ? c.logit / p_.repeat_penalty : c.logit * p_.repeat_penalty;
          c.logit -= static_cast<float>(found->second) * p_.frequency_penalty + p_.presence_penalty;
        }
        break;
      }
      case SamplingStep::kDry:
        if (p_.dry_multiplier > 0 && p_.dry_penalty_last_n != 0)
          for (const auto& [token, penalty] : dry(history))
            for (Candidate& c : all)
              if (c.token == token) c.logit -= static_cast<float>(penalty);
        break;
      case SamplingStep::kTopNSigma: {
        if (p_.top_n_sigma <= 0) break;
        double mean = 0, square = 0;
        for (const Candidate& c : all) mean += double{c.logit} / static_cast<double>(all.size());
        for (const Candidate& c : all) square += (c.logit - mean) * (c.logit - mean);
        const double sigma = std::sqrt(square / static_cast<double>(all.size()));
        const double best = all[0].logit;
        std::erase_if(all, [&](const Candidate& c) { return c.logit < best - p_.top_n_sigma * sigma; });
        break;
      }
      case SamplingStep::kTopK:
        if (p_.top_k > 0) all.resize(std::min(all.size(), static_cast<size_t>(p_.top_k)));
        break;
      case SamplingStep::kTypicalP: {
        if (p_.typical_p >= 1) break;
        double entropy = 0;
        for (const double x : p)
          if (x > 0) entropy -= x * std::log(x);
        std::vector<size_t> order;
        for (size_t i = 0; i < all.size(); ++i) order.push_back(i);
        std::ranges::sort(order, {}, [&](size_t i) { return std::abs(-std::log(p[i]) - entropy); });
        Candidates kept;
        double sum = 0;
        for (const size_t i : order) {
          kept.push_back(all[i]);
          sum += p[i];
          if (kept.size() >= least() && sum >= p_.typical_p) break;
        }
        all = kept;
        break;
      }
      case SamplingStep::kTopP: {
        if (p_.top_p >= 1) break;
        double sum = 0;
        size_t n = 0;
        while (n < all.size() && (n == 0 || sum < p_.top_p)) sum += p[n++];
        keep(n);
        break;
      }
      case SamplingStep::kMinP: {
        size_t n = 0;
        while (n < all.size() && p[n] >= p_.min_p * p[0]) ++n;
        keep(n);
        break;
      }
      case SamplingStep::kXtc: {
        if (p_.xtc_probability <= 0 || p_.xtc_threshold > 0.5f || !xtc_strikes(p_, position)) break;
        size_t n = 0;
        while (n < all.size() && p[n] >= p_.xtc_threshold) ++n;
        if (n < 2 || static_cast<int>(all.size() - n + 1) < p_.min_keep) break;
        all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n - 1));
        break;
      }
      case SamplingStep::kTemperature: {
        double t = p_.temperature;
        if (p_.dynatemp_range > 0 && all.size() > 1) {
          double entropy = 0;
          for (const double x : p)
            if (x > 0) entropy -= x * std::log(x);
          const double low = std::max(0.0, t - p_.dynatemp_range), high = t + p_.dynatemp_range;
          t = low + (high - low) * std::pow(entropy / std::log(static_cast<double>(all.size())),
                                            double{p_.dynatemp_exponent});
        }
        t = static_cast<float>(t);
        if (t <= 0)
          all.resize(1);
        else
          for (const double best = all[0].logit; Candidate & c : all)
            c.logit = static_cast<float>((c.logit - best) / t);
        break;
      }
      case SamplingStep::kAdaptiveP:
        break;
    }
  }

  SamplingParams p_;
  std::vector<std::string> pieces_, breakers_;
};

}  // namespace gannet
