#include "engine/draft_choice.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "base/check.h"

namespace gannet {
namespace {

bool adjusts(const SamplingParams& p) {
  return !p.logit_bias.empty() || p.has_penalties() || p.has_dry();
}

}  // namespace

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
  if (!adjusts(params)) return logits;
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

float DraftChooser::confidence(float logit) const {
  const float max = ranked_[0].logit;
  const double sum = sum_of_exp(ranked_, max);
  // One that is not among them adds its own part.
  const double own = std::exp(double{logit} - max);
  const bool among = logit >= ranked_.back().logit;
  return static_cast<float>(own / (among ? sum : sum + own));
}

bool DraftChooser::may_do_with(size_t n, const SamplingParams& params, int32_t n_logits) {
  return n >= kRanked && !adjusts(params) && sampler(params, n_logits).may_do_with(n);
}

bool DraftChooser::decides(const TopLogits& top, const SamplingParams& params, int32_t n_logits) {
  return may_do_with(top.first.size(), params, n_logits) && top.first[0].logit <= FLT_MAX &&
         std::ranges::all_of(top.first, [&](const Candidate& c) { return c.token < n_logits; });
}

bool DraftChooser::add(DraftRequest& request, const LogitsRow& logits) {
  return add(request, logits, {}, {});
}

bool DraftChooser::add(DraftRequest& request, const LogitsRow& row, std::span<const TokenId> ids,
                       std::span<const int32_t> place_of) {
  const SamplingParams& params = *request.sampling;
  const auto id_of = [&](TokenId at) { return ids.empty() ? at : ids[static_cast<size_t>(at)]; };
  const int32_t n_logits = ids.empty() ? n_vocab_ : static_cast<int32_t>(ids.size());
  const bool by_top = row.top() != nullptr && decides(*row.top(), params, n_logits);
  std::span<const float> logits, adjusted;
  if (by_top) {
    const std::span<const Candidate> ranked = row.top()->first.first(kRanked);
    ranked_.assign(ranked.begin(), ranked.end());
  } else {
    const auto all = row.all();
    if (!all.ok()) return false;
    GANNET_CHECK(all->size() >= static_cast<size_t>(n_logits));
    logits = all->first(static_cast<size_t>(n_logits));
    find_block_maxima(logits, &maxima_);
    if (maxima_.defective || maxima_.max == -INFINITY) return false;
    select_top_k(logits, maxima_, kRanked, &floats_, &ranked_);
    adjusted = adjust(request, logits, place_of);
  }
  DraftToken token;
  TokenId at = -1;
  if (params.greedy() && adjusted.data() == logits.data()) {
    at = ranked_[0].token;
  } else {
    const uint64_t position = request.position + request.tokens.size();
    auto left = sampler(params, n_logits)
                    .distribution(by_top ? row : LogitsRow(adjusted), position, {},
                                  {.allowed = {}, .state = request.state});
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
  token.confidence = confidence(by_top ? std::ranges::find(row.top()->first, at, &Candidate::token)->logit
                                       : logits[static_cast<size_t>(at)]);
  request.tokens.push_back(std::move(token));
  return true;
}

}  // namespace gannet
