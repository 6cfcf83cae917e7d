// Log-probabilities as clients ask for them: of the chosen token and of the likeliest ones.
#pragma once

#include <span>
#include <vector>

#include "sample/steps.h"

namespace gannet {

struct TokenLogProb {
  TokenId token = -1;
  float log_prob = 0;  // natural logarithm; -infinity: impossible
};

struct LogProbs {
  float chosen = 0;
  std::vector<TokenLogProb> top;  // likeliest first
};

// Over the whole vocabulary as the model says it, before bias, penalties, masks and filters: what OpenAI
// reports. One pass of exp over the logits, which have been sampled from without an error.
LogProbs log_probs_of_logits(std::span<const float> logits, TokenId chosen, size_t n_top);

// Of what was drawn from; a token outside it has -infinity.
LogProbs log_probs_of_distribution(std::span<const Candidate> candidates, float temperature, TokenId chosen,
                                   size_t n_top);

}  // namespace gannet
