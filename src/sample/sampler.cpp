#include "sample/sampler.h"

#include <fmt/core.h>

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "sample/filters.h"
#include "sample/token_constraint.h"

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

Error nothing_to_choose(uint64_t position, bool masked) {
  if (masked)
    return Error(ErrorCode::kRuntime,
                 fmt::format("no token can be chosen at position {}: what the grammar or schema allows there "
                             "is nothing, or banned by a logit bias",
                             position));
  return Error(
      ErrorCode::kRuntime,
      fmt::format("numerical error: every logit at position {} is -inf, no token can be chosen", position));
}

// -infinity where the bit is not set.
void copy_allowed(std::span<const float> logits, std::span<const uint64_t> allowed, std::vector<float>* out) {
  constexpr size_t kBits = 64;
  GANNET_CHECK(allowed.size() == (logits.size() + kBits - 1) / kBits, "a mask of another vocabulary");
  out->resize(logits.size());
  for (size_t word = 0; word < allowed.size(); ++word) {
    const size_t begin = word * kBits, n = std::min(kBits, logits.size() - begin);
    const uint64_t bits = allowed[word];
    if (bits == 0) {
      std::fill_n(out->data() + begin, n, -INFINITY);
    } else {
      for (size_t i = 0; i < n; ++i) (*out)[begin + i] = (bits >> i & 1) != 0 ? logits[begin + i] : -INFINITY;
    }
  }
}

bool does_something(const SamplingParams& p, SamplingStep step, int32_t n_vocab) {
  switch (step) {
    case SamplingStep::kPenalties:
      return p.has_penalties();
    case SamplingStep::kDry:
      return p.has_dry();
    case SamplingStep::kTopNSigma:
      return p.top_n_sigma > 0;
    case SamplingStep::kTopK:
      return p.top_k > 0 && p.top_k < n_vocab;
    case SamplingStep::kTypicalP:
      return p.typical_p < 1;
    case SamplingStep::kTopP:
      return p.top_p < 1;
    case SamplingStep::kMinP:
      return p.min_p > 0;
    case SamplingStep::kXtc:
      return p.xtc_probability > 0 && p.xtc_threshold <= 0.5f;
    case SamplingStep::kTemperature:
      return true;
    case SamplingStep::kAdaptiveP:
      return p.adaptive_target >= 0;
  }
  return false;
}

bool adjusts(SamplingStep step) {
  return step == SamplingStep::kPenalties || step == SamplingStep::kDry;
}

bool penalties_only_lower(const SamplingParams& p) {
  return p.repeat_penalty >= 1 && p.presence_penalty >= 0 && p.frequency_penalty >= 0;
}

// Whether filter() can do these steps.
bool are_usual(std::span<const SamplingStep> steps, const SamplingParams& p) {
  constexpr SamplingStep kUsual[] = {SamplingStep::kTopK, SamplingStep::kTopP, SamplingStep::kMinP,
                                     SamplingStep::kTemperature};
  auto at = std::begin(kUsual);
  for (const SamplingStep step : steps) {
    at = std::find(at, std::end(kUsual), step);
    if (at++ == std::end(kUsual)) return false;
  }
  return p.min_keep <= 1 && p.dynatemp_range <= 0;
}

}  // namespace

Sampler::Sampler(SamplingParams params, int32_t n_vocab) : params_(std::move(params)), n_vocab_(n_vocab) {
  bool adaptive = false;
  for (const SamplingStep step : params_.steps) {
    if (!does_something(params_, step, n_vocab)) continue;
    if (step == SamplingStep::kAdaptiveP)
      adaptive = true;
    else if (adjusts(step) && (rest_.empty() || params_.mirostat != 0))
      first_.push_back(step);
    else
      rest_.push_back(step);
  }
  if (adaptive) rest_.push_back(SamplingStep::kAdaptiveP);
  usual_ = are_usual(rest_, params_);
  const auto has = [&](SamplingStep step) { return std::ranges::find(rest_, step) != rest_.end(); };
  by_k_ = has(SamplingStep::kTopK);
  by_p_ = has(SamplingStep::kTopP);
  by_min_p_ = has(SamplingStep::kMinP);
  starts_by_k_ = params_.mirostat == 0 && !rest_.empty() && rest_[0] == SamplingStep::kTopK;
  only_lowers_ =
      std::ranges::all_of(params_.logit_bias, [](const LogitBias& b) { return b.bias <= 0; }) &&
      (std::ranges::find(first_, SamplingStep::kPenalties) == first_.end() || penalties_only_lower(params_));
  n_wanted_ = params_.greedy() ? 1 : starts_by_k_ ? static_cast<size_t>(params_.top_k) : 0;
  if (usual_ && has(SamplingStep::kTemperature)) temperature_ = params_.temperature;
}

Result<Sampler> Sampler::create(SamplingParams params, int32_t n_vocab) {
  GANNET_TRY(check_params(params, n_vocab));
  return Sampler(std::move(params), n_vocab);
}

Result<std::span<const float>> Sampler::prepare(std::span<const float> logits, uint64_t position,
                                                std::span<const TokenId> history,
                                                const SampleContext& context) {
  GANNET_CHECK(logits.size() == static_cast<size_t>(n_vocab_));
  const bool masked = !context.allowed.empty();
  if (masked || !params_.logit_bias.empty() || !first_.empty()) {
    if (masked)
      copy_allowed(logits, context.allowed, &adjusted_);
    else
      adjusted_.assign(logits.begin(), logits.end());
    apply_logit_bias(params_.logit_bias, adjusted_);
    for (const SamplingStep step : first_) {
      if (step == SamplingStep::kPenalties) {
        apply_penalties(params_, history, &recent_, adjusted_);
      } else {
        find_dry_penalties(params_, history, &dry_, &repeated_);
        std::erase_if(repeated_, [&](const LogitBias& b) { return b.token < 0 || b.token >= n_vocab_; });
        apply_logit_bias(repeated_, adjusted_);
      }
    }
    logits = adjusted_;
  }
  find_block_maxima(logits, &maxima_);
  if (maxima_.defective) return numerical_error(logits, position);
  if (maxima_.max == -INFINITY) return nothing_to_choose(position, masked);
  return logits;
}

bool Sampler::take_from(const TopLogits& top, std::span<const TokenId> history,
                        const SampleContext& context) {
  if (!may_do_with(top.first.size()) && !(top.all && only_lowers_ && n_wanted_ > 0)) return false;
  // Faults, and tokens beyond the vocabulary, are for whoever sees all.
  if (top.first.empty() || !(top.first[0].logit <= FLT_MAX)) return false;
  if (std::ranges::any_of(top.first, [&](const Candidate& c) { return c.token >= n_vocab_; })) return false;
  candidates_.assign(top.first.begin(), top.first.end());
  std::erase_if(candidates_, [&](const Candidate& c) { return !is_allowed(context.allowed, c.token); });
  if (!params_.logit_bias.empty() || !first_.empty()) {
    apply_logit_bias(params_.logit_bias, candidates_);
    for (const SamplingStep step : first_) adjust_candidates(step, history);
    // What is not at hand comes behind the last of the likeliest, now as before.
    const Candidate last = top.first.back();
    std::erase_if(candidates_, [&](const Candidate& c) {
      return c.logit == -INFINITY || (!top.all && likelier(last, c));
    });
    std::ranges::sort(candidates_, likelier);
  }
  if (candidates_.empty() || (!top.all && candidates_.size() < n_wanted_)) return false;
  candidates_.resize(std::min(candidates_.size(), n_wanted_));
  maxima_.max = candidates_[0].logit;
  return true;
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

void Sampler::list(std::span<const float> logits, double least) {
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= least && logits[i] > -INFINITY)
      candidates_.push_back({logits[i], static_cast<TokenId>(i)});
  }
}

void Sampler::filter(std::span<const float> logits) {
  const double least =
      min_p_threshold(maxima_.max, by_min_p_ ? params_.min_p : 0);  // log(0) = -inf keeps all
  if (by_k_) {
    if (by_p_) {
      const double total = sum_of_exp(candidates_, maxima_.max);
      if (const auto count = top_p_count(candidates_, params_.top_p, total)) candidates_.resize(*count);
    }
  } else if (by_p_) {
    filter_by_top_p(logits, least);
  } else {
    list(logits, least);
    return;
  }
  while (candidates_.back().logit < least) candidates_.pop_back();
}

Result<Distribution> Sampler::distribution(const LogitsRow& row, uint64_t position,
                                           std::span<const TokenId> history, const SampleContext& context) {
  std::span<const float> logits;
  if (row.top() == nullptr || !take_from(*row.top(), history, context)) {
    logits = GANNET_TRY(row.all());
    logits = GANNET_TRY(prepare(logits, position, history, context));
    if (params_.greedy())
      candidates_.assign(1, {maxima_.max, likeliest(logits, maxima_)});
    else if (starts_by_k_)
      select_top_k(logits, maxima_, static_cast<size_t>(params_.top_k), &floats_, &candidates_);
  }
  if (params_.greedy()) return Distribution{candidates_, 1};
  if (usual_ && params_.mirostat == 0) {
    filter(logits);
  } else {
    const SamplerState state = context.state != nullptr ? *context.state : fresh_state();
    if (params_.mirostat != 0)
      filter_by_mirostat(logits, state);
    else
      filter_in_order(logits, position, history, state);
  }
  return Distribution{candidates_, temperature_};
}

Result<TokenId> Sampler::sample(const LogitsRow& logits, uint64_t position, std::span<const TokenId> history,
                                const SampleContext& context) {
  const auto [candidates, temperature] = GANNET_TRY(distribution(logits, position, history, context));
  if (candidates.size() == 1) return candidates[0].token;
  return draw(candidates, temperature, params_.seed, position);
}

}  // namespace gannet
