#include "engine/draft_choice.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace gannet {

// The request's parameters without what names tokens; their ids may be others here.
Sampler& DraftChooser::sampler(const SamplingParams& params, int32_t n_logits) {
  if (!sampler_ || n_logits_ != n_logits || made_of_ != params) {
    made_of_ = params;
    SamplingParams own = params;
    own.logit_bias.clear();
    std::erase(own.steps, SamplingStep::kPenalties);
    std::erase(own.steps, SamplingStep::kDry);
    sampler_ = Sampler::create(std::move(own), n_logits).take();  // the request's own sampler took them, too
    n_logits_ = n_logits;
  }
  return *sampler_;
}

// Bias, penalties and DRY, as the sampler applies them when they come first.
std::span<const float> DraftChooser::adjust(const DraftRequest& request, std::span<const float> logits,
                                            std::span<const int32_t> place_of) {
  const SamplingParams& params = *request.sampling;
  if (params.logit_bias.empty() && !params.has_penalties() && !params.has_dry()) return logits;
  const auto place = [&](TokenId id) {
    if (place_of.empty()) return static_cast<size_t>(id) < logits.size() ? id : -1;
    return static_cast<size_t>(id) < place_of.size() ? place_of[static_cast<size_t>(id)] : -1;
  };
  adjusted_.assign(logits.begin(), logits.end());
  biases_.clear();
  for (const LogitBias& b : params.logit_bias)
    if (const TokenId at = place(b.token); at >= 0) biases_.push_back({at, b.bias});
  apply_logit_bias(biases_, adjusted_);
  const auto recent = [&](int last_n) -> std::span<const TokenId> {
    std::span<const TokenId> past = request.history;
    if (last_n >= 0) past = past.last(std::min(past.size(), static_cast<size_t>(last_n)));
    recent_.assign(past.begin(), past.end());
    for (const DraftToken& t : request.tokens) recent_.push_back(t.token);
    return recent_;
  };
  if (params.has_penalties()) {
    recent(params.repeat_last_n);
    for (TokenId& id : recent_) id = place(id);
    apply_penalties(params, recent_, &scratch_, adjusted_);
  }
  if (params.has_dry()) {
    biases_.clear();
    find_dry_penalties(params, recent(params.dry_penalty_last_n), &dry_, &repeated_);
    for (const LogitBias& b : repeated_)
      if (const TokenId at = place(b.token); at >= 0) biases_.push_back({at, b.bias});
    apply_logit_bias(biases_, adjusted_);
  }
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
  if (params.greedy() && adjusted.data() == logits.data()) {
    at = likeliest(logits, maxima_);
  } else {
    const uint64_t position = request.position + request.tokens.size();
    auto left = sampler(params, static_cast<int32_t>(logits.size()))
                    .distribution(adjusted, position, {}, {.allowed = {}, .state = request.state});
    if (!left.ok()) return false;
    const float temperature = left->temperature;
    candidates_.assign(left->candidates.begin(), left->candidates.end());
    for (Candidate& c : candidates_) c.token = id_of(c.token);
    const bool drawn = request.choice == DraftChoice::kDrawn;
    token.token = candidates_[0].token;
    if (candidates_.size() > 1) {
      token.token = draw(candidates_, temperature, drawn ? params.seed ^ kOtherNoise : params.seed, position);
      if (drawn) {
        const std::vector<double> p = probabilities(candidates_, temperature);
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
