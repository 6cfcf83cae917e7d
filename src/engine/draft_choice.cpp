#include "engine/draft_choice.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace gannet {
Sampler& DraftChooser::sampler(const SamplingParams& params, int32_t n_logits) {
  const auto same = [&](const SamplingParams& p) {
    return p.top_k == params.top_k && p.top_p == params.top_p && p.min_p == params.min_p &&
           p.temperature == params.temperature;
  };
  if (!sampler_ || n_logits_ != n_logits || !same(sampler_->params())) {
    SamplingParams own;
    own.top_k = params.top_k;
    own.top_p = params.top_p;
    own.min_p = params.min_p;
    own.temperature = params.temperature;
    sampler_ = Sampler::create(own, n_logits).take();  // the request's own sampler took them, too
    n_logits_ = n_logits;
  }
  return *sampler_;
}

// Bias and penalties, as the sampler applies them.
std::span<const float> DraftChooser::adjust(const DraftRequest& request, std::span<const float> logits,
                                            std::span<const int32_t> place_of) {
  const SamplingParams& params = *request.sampling;
  if (params.logit_bias.empty() && !params.has_penalties()) return logits;
  const auto place = [&](TokenId id) {
    if (place_of.empty()) return static_cast<size_t>(id) < logits.size() ? id : -1;
    return static_cast<size_t>(id) < place_of.size() ? place_of[static_cast<size_t>(id)] : -1;
  };
  adjusted_.assign(logits.begin(), logits.end());
  biases_.clear();
  for (const LogitBias& b : params.logit_bias)
    if (const TokenId at = place(b.token); at >= 0) biases_.push_back({at, b.bias});
  apply_logit_bias(biases_, adjusted_);
  if (!params.has_penalties()) return adjusted_;
  std::span<const TokenId> past = request.history;
  if (params.repeat_last_n >= 0)
    past = past.last(std::min(past.size(), static_cast<size_t>(params.repeat_last_n)));
  recent_.clear();
  for (const TokenId id : past) recent_.push_back(place(id));
  for (const DraftToken& t : request.tokens) recent_.push_back(place(t.token));
  apply_penalties(params, recent_, &scratch_, adjusted_);
  return adjusted_;
}

float DraftChooser::confidence(std::span<const float> logits, float logit) {
  select_top_k(logits, maxima_, kRanked, &floats_, &ranked_);
  const double sum = sum_of_exp(ranked_, maxima_.max);
  // One that is not among them adds its own part.
  const double own = std::exp(double{logit} - maxima_.max);
  const bool among = logit >= ranked_.back().logit;
  return static_cast<float>(own / (among ? sum : sum + own));
}

bool DraftChooser::add(DraftRequest& request, std::span<const float> logits) {
  GANNET_CHECK(logits.size() >= static_cast<size_t>(n_vocab_));
  return add(request, logits.first(static_cast<size_t>(n_vocab_)), {}, {});
}

bool DraftChooser::add(DraftRequest& request, std::span<const float> logits, std::span<const TokenId> ids,
                       std::span<const int32_t> place_of) {
  const SamplingParams& params = *request.sampling;
  const auto id_of = [&](TokenId at) { return ids.empty() ? at : ids[static_cast<size_t>(at)]; };
  find_block_maxima(logits, &maxima_);
  if (maxima_.defective || maxima_.max == -INFINITY) return false;
  const std::span<const float> adjusted = adjust(request, logits, place_of);
  DraftToken token;
  TokenId at = -1;
  if (params.temperature <= 0 && adjusted.data() == logits.data()) {
    at = likeliest(logits, maxima_);
  } else {
    const uint64_t position = request.position + request.tokens.size();
    auto left = sampler(params, static_cast<int32_t>(logits.size())).survivors(adjusted, position, {});
    if (!left.ok()) return false;
    candidates_.assign(left->begin(), left->end());
    for (Candidate& c : candidates_) c.token = id_of(c.token);
    const bool drawn = request.choice == DraftChoice::kDrawn;
    token.token = candidates_[0].token;
    if (candidates_.size() > 1) {
      token.token =
          draw(candidates_, params.temperature, drawn ? params.seed ^ kOtherNoise : params.seed, position);
      if (drawn) {
        const std::vector<double> p = probabilities(candidates_, params.temperature);
        token.candidates = candidates_;
        for (size_t i = 0; i < p.size(); ++i) token.candidates[i].logit = static_cast<float>(p[i]);
      }
    }
    at = place_of.empty() ? token.token : place_of[static_cast<size_t>(token.token)];
  }
  token.token = id_of(at);
  token.confidence = confidence(logits, logits[static_cast<size_t>(at)]);
  request.tokens.push_back(std::move(token));
  return true;
}

}  // namespace gannet
