#include "sample/sampler.h"

#include <fmt/core.h>

#include <algorithm>
#include <cfloat>
#include <cmath>

namespace gannet {
namespace {

Error numerical_error(std::span<const float> logits, uint64_t position) {
  const auto bad = std::find_if(logits.begin(), logits.end(), [](float x) { return !(x <= FLT_MAX); });
  return Error(
      ErrorCode::kRuntime,
      fmt::format("numerical error: the logit of token {} at position {} is {}; check the model with `gannet "
                  "gguf verify`",
                  bad - logits.begin(), position, bad == logits.end() ? 0 : *bad));
}

}  // namespace

Result<Sampler> Sampler::create(SamplingParams params, int32_t n_vocab) {
  GANNET_TRY(check_params(params, n_vocab));
  return Sampler(std::move(params), n_vocab);
}

Result<std::span<const float>> Sampler::prepare(std::span<const float> logits, uint64_t position,
                                                std::span<const TokenId> history) {
  GANNET_CHECK(logits.size() == static_cast<size_t>(n_vocab_));
  if (!params_.logit_bias.empty() || params_.has_penalties()) {
    adjusted_.assign(logits.begin(), logits.end());
    apply_logit_bias(params_.logit_bias, adjusted_);
    if (params_.has_penalties()) apply_penalties(params_, history, &recent_, adjusted_);
    logits = adjusted_;
  }
  find_block_maxima(logits, &maxima_);
  if (maxima_.defective) return numerical_error(logits, position);
  if (maxima_.max == -INFINITY) {
    return Error(
        ErrorCode::kRuntime,
        fmt::format("numerical error: every logit at position {} is -inf, no token can be chosen", position));
  }
  return logits;
}

// Top-p without top-k: sorts only as many of the likeliest as the probability needs.
void Sampler::filter_by_top_p(std::span<const float> logits, double least) {
  constexpr size_t kFirst = 256, kGrowth = 8;
  const double total = sum_of_exp(logits, maxima_.max);
  for (size_t k = kFirst;; k *= kGrowth) {
    select_top_k(logits, maxima_, k, &floats_, &candidates_);
    const auto count = top_p_count(candidates_, params_.top_p, total);
    if (count) candidates_.resize(*count);
    if (count || candidates_.size() < k || candidates_.back().logit < least) return;
  }
}

void Sampler::filter(std::span<const float> logits) {
  const bool by_k = params_.top_k > 0 && params_.top_k < n_vocab_;
  const bool by_p = params_.top_p < 1;
  const double least = min_p_threshold(maxima_.max, params_.min_p);  // log(0) = -inf keeps all
  if (by_k) {
    select_top_k(logits, maxima_, static_cast<size_t>(params_.top_k), &floats_, &candidates_);
    if (by_p) {
      const double total = sum_of_exp(candidates_, maxima_.max);
      if (const auto count = top_p_count(candidates_, params_.top_p, total)) candidates_.resize(*count);
    }
  } else if (by_p) {
    filter_by_top_p(logits, least);
  } else {
    candidates_.clear();
    for (size_t i = 0; i < logits.size(); ++i) {
      if (logits[i] >= least && logits[i] > -INFINITY)
        candidates_.push_back({logits[i], static_cast<TokenId>(i)});
    }
    return;
  }
  while (candidates_.back().logit < least) candidates_.pop_back();
}

Result<std::span<const Candidate>> Sampler::survivors(std::span<const float> logits, uint64_t position,
                                                      std::span<const TokenId> history) {
  const auto adjusted = GANNET_TRY(prepare(logits, position, history));
  if (params_.temperature <= 0) {
    candidates_.assign(1, {maxima_.max, likeliest(adjusted, maxima_)});
  } else {
    filter(adjusted);
  }
  return std::span<const Candidate>(candidates_);
}

Result<TokenId> Sampler::sample(std::span<const float> logits, uint64_t position,
                                std::span<const TokenId> history) {
  const auto candidates = GANNET_TRY(survivors(logits, position, history));
  if (candidates.size() == 1) return candidates[0].token;
  return draw(candidates, params_.temperature, params_.seed, position);
}

}  // namespace gannet
