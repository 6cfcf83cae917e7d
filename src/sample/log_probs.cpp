#include "sample/log_probs.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace gannet {

LogProbs log_probs_of_logits(std::span<const float> logits, TokenId chosen, size_t n_top) {
  BlockMaxima maxima;
  find_block_maxima(logits, &maxima);
  LogProbs out;
  if (maxima.defective || maxima.max == -INFINITY) return out;  // a token was forced past such logits
  const double norm = maxima.max + std::log(sum_of_exp(logits, maxima.max));
  const auto log_prob = [&](float logit) { return static_cast<float>(logit - norm); };
  out.chosen = log_prob(logits[static_cast<size_t>(chosen)]);
  if (n_top == 0) return out;
  std::vector<float> scratch;
  std::vector<Candidate> top;
  select_top_k(logits, maxima, n_top, &scratch, &top);
  for (const Candidate& c : top) out.top.push_back({c.token, log_prob(c.logit)});
  return out;
}

LogProbs log_probs_of_distribution(std::span<const Candidate> candidates, float temperature, TokenId chosen,
                                   size_t n_top) {
  GANNET_CHECK(!candidates.empty());
  const std::vector<double> p = probabilities(candidates, temperature);
  LogProbs out;
  out.chosen = -INFINITY;
  std::vector<Candidate> ranked;
  for (size_t i = 0; i < p.size(); ++i) {
    const auto log_prob = static_cast<float>(std::log(p[i]));
    if (candidates[i].token == chosen) out.chosen = log_prob;
    ranked.push_back({log_prob, candidates[i].token});
  }
  const size_t n = std::min(n_top, ranked.size());
  std::ranges::partial_sort(ranked, ranked.begin() + static_cast<std::ptrdiff_t>(n), likelier);
  for (size_t i = 0; i < n; ++i) out.top.push_back({ranked[i].token, ranked[i].logit});
  return out;
}

}  // namespace gannet
