// The sampler's way through steps in any order, and those that remember something.
#include <algorithm>
#include <cmath>

#include "sample/filters.h"
#include "sample/sampler.h"

namespace gannet {
namespace {

void keep_likeliest(Candidates* candidates) {
  candidates->assign(1, *std::ranges::min_element(*candidates, likelier));
}

}  // namespace

// Penalties and DRY behind a filter, or of the likeliest only.
void Sampler::adjust_candidates(SamplingStep step, std::span<const TokenId> history) {
  if (step == SamplingStep::kPenalties) {
    apply_penalties(params_, history, &recent_, candidates_);
    return;
  }
  find_dry_penalties(params_, history, &dry_, &repeated_);
  for (Candidate& c : candidates_) {
    const auto found = std::ranges::lower_bound(repeated_, c.token, {}, &LogitBias::token);
    if (found != repeated_.end() && found->token == c.token) c.logit += found->bias;
  }
}

void Sampler::bend_to_target(const SamplerState& state) {
  original_ = probabilities(candidates_, temperature_);
  prefer_near(adaptive_target(params_, state.adaptive_sum, state.adaptive_weight), original_, &candidates_);
  temperature_ = 1;
}

void Sampler::filter_in_order(std::span<const float> logits, uint64_t position,
                              std::span<const TokenId> history, const SamplerState& state) {
  const auto min_keep = static_cast<size_t>(std::max(params_.min_keep, 0));
  bool listed = starts_by_k_;
  temperature_ = 1;
  for (size_t i = listed ? 1 : 0; i < rest_.size(); ++i) {
    const SamplingStep step = rest_[i];
    if (!listed) {  // top-n-sigma need not list the whole vocabulary
      listed = true;
      if (step == SamplingStep::kTopNSigma) {
        list(logits, sigma_threshold(logits, params_.top_n_sigma));
        continue;
      }
      list(logits, -INFINITY);
    }
    switch (step) {
      case SamplingStep::kPenalties:
      case SamplingStep::kDry:
        adjust_candidates(step, history);
        break;
      case SamplingStep::kTopNSigma:
        keep_top_n_sigma(params_.top_n_sigma, &candidates_);
        break;
      case SamplingStep::kTopK:
        keep_top_k(static_cast<size_t>(params_.top_k), &candidates_);
        break;
      case SamplingStep::kTypicalP:
        keep_typical(params_.typical_p, min_keep, &candidates_);
        break;
      case SamplingStep::kTopP:
        keep_top_p(params_.top_p, min_keep, &candidates_);
        break;
      case SamplingStep::kMinP:
        keep_min_p(params_.min_p, min_keep, &candidates_);
        break;
      case SamplingStep::kXtc:
        if (xtc_strikes(params_, position)) drop_top_choices(params_.xtc_threshold, min_keep, &candidates_);
        break;
      case SamplingStep::kTemperature: {
        const float temperature = temperature_for(params_, candidates_);
        if (temperature <= 0) {
          keep_likeliest(&candidates_);
        } else if (i + 1 == rest_.size() || rest_[i + 1] == SamplingStep::kAdaptiveP) {
          temperature_ = temperature;  // draw() divides as it goes
        } else {
          // The highest becomes 0, so that none overflows.
          const double max = std::ranges::max(candidates_, {}, &Candidate::logit).logit;
          for (Candidate& c : candidates_) c.logit = static_cast<float>((c.logit - max) / temperature);
          std::erase_if(candidates_, [](const Candidate& c) { return c.logit == -INFINITY; });
        }
        break;
      }
      case SamplingStep::kAdaptiveP:
        bend_to_target(state);
        break;
    }
  }
  if (!listed) list(logits, -INFINITY);
}

void Sampler::filter_by_mirostat(std::span<const float> logits, const SamplerState& state) {
  temperature_ = params_.temperature;
  if (params_.mirostat == 1) {
    select_top_k(logits, maxima_, kMirostatRanks, &floats_, &candidates_);
    const size_t k =
        mirostat_count(candidates_, temperature_, state.mirostat_mu, static_cast<size_t>(n_vocab_));
    select_top_k(logits, maxima_, k, &floats_, &candidates_);
    return;
  }
  double total = 0;
  for (const float logit : logits) total += std::exp((double{logit} - maxima_.max) / temperature_);
  list(logits, mirostat_threshold(maxima_.max, total, temperature_, state.mirostat_mu));
  if (candidates_.empty()) candidates_.assign(1, {maxima_.max, likeliest(logits, maxima_)});
}

SamplerState Sampler::fresh_state() const {
  SamplerState state;
  state.mirostat_mu = 2.0 * params_.mirostat_tau;
  state.adaptive_weight = 1 / (1 - double{params_.adaptive_decay});
  state.adaptive_sum = params_.adaptive_target * state.adaptive_weight;
  return state;
}

void Sampler::accept(TokenId token, SamplerState* state) const {
  const bool adaptive = params_.mirostat == 0 && !rest_.empty() && rest_.back() == SamplingStep::kAdaptiveP;
  if ((params_.mirostat == 0 && !adaptive) || params_.greedy()) return;
  const auto found = std::ranges::find(candidates_, token, &Candidate::token);
  if (found == candidates_.end()) return;  // it was not chosen here: a token of a script, or forced
  const auto at = static_cast<size_t>(found - candidates_.begin());
  if (adaptive) {
    state->adaptive_sum = original_[at] + params_.adaptive_decay * state->adaptive_sum;
    state->adaptive_weight = 1 + params_.adaptive_decay * state->adaptive_weight;
    return;
  }
  const double surprise = -std::log2(probabilities(candidates_, temperature_)[at]);
  state->mirostat_mu -= params_.mirostat_eta * (surprise - params_.mirostat_tau);
}

}  // namespace gannet
