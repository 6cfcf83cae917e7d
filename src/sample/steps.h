// The steps of sampling as pure functions over spans. Each works on logits of the whole vocabulary or on
// candidates, in the order of SamplingParams; what they need to remember between calls is in scratch that the
// caller owns. Must not know: sequences, models.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sample/params.h"

namespace gannet {

struct Candidate {
  float logit;
  TokenId token;
};

// Likelier first; among equals the lower id first.
inline bool likelier(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

void apply_logit_bias(std::span<const LogitBias> biases, std::span<float> logits);
void apply_logit_bias(std::span<const LogitBias> biases, std::span<Candidate> candidates);

// Penalises the tokens among the last repeat_last_n of `history` (ids outside the logits are passed over).
// O(n log n) in the recent tokens; `scratch` is overwritten.
void apply_penalties(const SamplingParams& params, std::span<const TokenId> history,
                     std::vector<TokenId>* scratch, std::span<float> logits);
void apply_penalties(const SamplingParams& params, std::span<const TokenId> history,
                     std::vector<TokenId>* scratch, std::span<Candidate> candidates);

// Maxima of blocks of kLogitBlock logits, the last one maybe shorter: one pass over memory that finds the
// likeliest token and what may be among the top k.
inline constexpr size_t kLogitBlock = 64;
struct BlockMaxima {
  std::vector<float> of_block;
  float max = 0;           // of all; -infinity when there is nothing to choose
  bool defective = false;  // some logit is NaN or +infinity; the maxima mean nothing then
};
void find_block_maxima(std::span<const float> logits, BlockMaxima* out);

// Lowest id with the highest logit. The maxima must be of these logits, not defective, and not -infinity.
TokenId likeliest(std::span<const float> logits, const BlockMaxima& maxima);

// The `k` likeliest tokens in order, or all that are not -infinity if they are fewer. `scratch` is
// overwritten.
void select_top_k(std::span<const float> logits, const BlockMaxima& maxima, size_t k,
                  std::vector<float>* scratch, std::vector<Candidate>* out);

// How many of the candidates (in order, not empty) it takes to reach `top_p` of `total`, the sum of exp(logit
// - max) over everything the share is of; empty when all of them together do not reach it. At least 1.
std::optional<size_t> top_p_count(std::span<const Candidate> candidates, double top_p, double total);

// The least logit that has `min_p` of the probability of the logit `max`.
double min_p_threshold(float max, double min_p);

// Sum of exp(logit - max).
double sum_of_exp(std::span<const float> logits, float max);
double sum_of_exp(std::span<const Candidate> candidates, float max);

// Probability of each candidate (not empty) at a temperature above 0, in their order.
std::vector<double> probabilities(std::span<const Candidate> candidates, float temperature);

// Gumbel(0, 1) noise of a token at a position: -log(-log u), u from Philox keyed by the seed with (position,
// token) as the counter. Always finite, in (-3.2, 22.9).
double gumbel_noise(uint64_t seed, uint64_t position, TokenId token);

// argmax over the candidates (any order, not empty) of logit / temperature + noise; the lowest id on ties.
// Samples exactly the softmax of logit / temperature, and depends on nothing but its arguments.
TokenId draw(std::span<const Candidate> candidates, float temperature, uint64_t seed, uint64_t position);

}  // namespace gannet
