// The sampler of one request: logits to token, by the steps of steps.h. Its choice is a function of the
// arguments and the parameters only (shared noise: argmax of log p + Gumbel noise keyed by seed, position and
// token), so that replays, batching and speculation give the same text. It owns scratch memory, not state:
// calls may come in any order.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "sample/params.h"
#include "sample/steps.h"

namespace gannet {

// For one thread at a time. Allocates nothing after the first call with the same parameters and vocabulary
// (the whole vocabulary can be candidates when top-k is off; the memory for that is then taken at the first
// call).
class Sampler {
 public:
  // Errors: see check_params().
  static Result<Sampler> create(SamplingParams params, int32_t n_vocab);

  const SamplingParams& params() const { return params_; }

  // The token at `position`, the index of the generated token within the request. `logits` has n_vocab
  // values; `history` is prompt and answer so far, for the penalties. Errors (kRuntime): a logit that is NaN
  // or +infinity, or nothing but -infinity to choose from; the message names the position. O(n_vocab) at
  // about memory speed.
  Result<TokenId> sample(std::span<const float> logits, uint64_t position, std::span<const TokenId> history);

  // The tokens that could be drawn: what the steps before temperature leave, with biased and penalised
  // logits; never empty. In order of likelihood unless top-k and top-p are both off. The view is good until
  // the next call.
  Result<std::span<const Candidate>> survivors(std::span<const float> logits, uint64_t position,
                                               std::span<const TokenId> history);

 private:
  Sampler(SamplingParams params, int32_t n_vocab) : params_(std::move(params)), n_vocab_(n_vocab) {}

  // Bias, penalties, and the scan with its checks. The logits to go on with: the argument's or adjusted_.
  Result<std::span<const float>> prepare(std::span<const float> logits, uint64_t position,
                                         std::span<const TokenId> history);
  void filter(std::span<const float> logits);
  void filter_by_top_p(std::span<const float> logits, double least);

  SamplingParams params_;
  int32_t n_vocab_;
  std::vector<float> adjusted_;
  std::vector<TokenId> recent_;
  BlockMaxima maxima_;
  std::vector<float> floats_;
  std::vector<Candidate> candidates_;
};

}  // namespace gannet
