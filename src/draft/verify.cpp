#include "draft/verify.h"

#include <algorithm>
#include <cmath>

#include "base/philox.h"

namespace gannet {
namespace {

// Below this the rest of p is rounding error.
constexpr double kLeastResidual = 1e-12;

double probability_of(std::span<const Candidate> q, TokenId token) {
  if (q.empty()) return 1;  // the draft was certain
  const auto it = std::ranges::find(q, token, &Candidate::token);
  return it == q.end() ? 0 : double{it->logit};
}

// What p has and q does not, as candidates with log probabilities; empty when nothing is left.
std::vector<Candidate> residual(std::span<const Candidate> p, std::span<const double> p_of,
                                const DraftToken& draft) {
  std::vector<Candidate> q = draft.candidates;
  if (q.empty()) q.push_back({1.0f, draft.token});
  std::ranges::sort(q, {}, &Candidate::token);
  std::vector<Candidate> rest;
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const auto it = std::ranges::lower_bound(q, p[i].token, {}, &Candidate::token);
    const double taken = it != q.end() && it->token == p[i].token ? double{it->logit} : 0;
    const double left = p_of[i] - taken;
    if (!(left > 0)) continue;
    sum += left;
    rest.push_back({static_cast<float>(std::log(left)), p[i].token});
  }
  if (!(sum > kLeastResidual)) rest.clear();
  return rest;
}

}  // namespace

Result<TokenId> choose_token(Sampler& sampler, const LogitsRow& logits, uint64_t position,
                             std::span<const TokenId> history, const DraftToken& draft,
                             Verification verification, const SampleContext& context) {
  const SamplingParams& params = sampler.params();
  if (verification == Verification::kSharedNoise || params.greedy())
    return sampler.sample(logits, position, history, context);
  const auto [p, temperature] = GANNET_TRY(sampler.distribution(logits, position, history, context));
  const std::vector<double> p_of = probabilities(p, temperature);
  double p_draft = 0;
  for (size_t i = 0; i < p.size(); ++i)
    if (p[i].token == draft.token) p_draft = p_of[i];
  const double u = philox_uniform(philox4x32(params.seed + kAcceptNoise, position, 0)[0]);
  if (u * probability_of(draft.candidates, draft.token) < p_draft) return draft.token;
  const std::vector<Candidate> rest = residual(p, p_of, draft);
  if (rest.empty()) return draw(p, temperature, params.seed + kResidualNoise, position);
  return draw(rest, 1, params.seed + kResidualNoise, position);
}

}  // namespace gannet
