// The sampler of one request: logits to token, by the steps of SamplingParams. Its choice is a function of
// the arguments and the parameters only (shared noise: argmax of log p + Gumbel noise keyed by seed, position
// and token), so that replays, batching and speculation give the same text. It owns scratch memory, not
// state: calls may come in any order. What mirostat and adaptive-p remember of the answer is in a
// SamplerState of the request, an argument like the others.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "sample/dry.h"
#include "sample/logits_row.h"
#include "sample/params.h"
#include "sample/steps.h"

namespace gannet {

// What steps with a memory know of the answer so far. Sampler::fresh_state() begins it, accept() goes on.
struct SamplerState {
  double mirostat_mu = 0;  // surprise, in bits, above which tokens are dropped
  double adaptive_sum = 0,
         adaptive_weight = 0;  // of the probabilities of chosen tokens, older ones count less
};

// What a choice depends on besides.
struct SampleContext {
  std::span<const uint64_t> allowed = {};  // bit t: token t may come (TokenConstraint::allowed()); empty: all
  const SamplerState* state = nullptr;     // null: that of the first token
};

// What is drawn from: the softmax of logit / temperature. Never empty; one candidate is certain. Good until
// the next call.
struct Distribution {
  std::span<const Candidate> candidates;
  float temperature = 1;  // > 0
};

// For one thread at a time. Allocates nothing after the first call with the same parameters and vocabulary
// (the whole vocabulary can be candidates when top-k is off; the memory for that is then taken at the first
// call).
class Sampler {
 public:
  // Errors: see check_params().
  static Result<Sampler> create(SamplingParams params, int32_t n_vocab);

  const SamplingParams& params() const { return params_; }

  // The token at `position`, the index of the generated token within the request. `logits` has n_vocab
  // values; `history` is prompt and answer so far, for penalties and DRY. Errors (kRuntime): a logit that is
  // NaN or +infinity, or nothing to choose from, be it that all is -infinity or not allowed; the message
  // names the position. Those of LogitsRow::all(). O(n_vocab) at about memory speed.
  // Of a row whose likeliest are at hand all is read only where these do not decide; what comes is the same.
  Result<TokenId> sample(const LogitsRow& logits, uint64_t position, std::span<const TokenId> history,
                         const SampleContext& context = {});

  // What sample() draws from. In order of likelihood unless that took more work.
  Result<Distribution> distribution(const LogitsRow& logits, uint64_t position,
                                    std::span<const TokenId> history, const SampleContext& context = {});

  // Whether the n likeliest of a row may decide. If not, all of every row is read.
  bool may_do_with(size_t n) const { return only_lowers_ && n_wanted_ > 0 && n_wanted_ <= n; }

  // Of the last call, whichever of both it was.
  Distribution last() const { return {candidates_, params_.greedy() ? 1 : temperature_}; }

  SamplerState fresh_state() const;
  // `token` was chosen by the last call of sample(), or from the last distribution(), and stays.
  void accept(TokenId token, SamplerState* state) const;

 private:
  Sampler(SamplingParams params, int32_t n_vocab);

  // The mask, bias, the steps that come before all filters, and the scan with its checks. The logits to go on
  // with: the argument's or adjusted_.
  Result<std::span<const float>> prepare(std::span<const float> logits, uint64_t position,
                                         std::span<const TokenId> history, const SampleContext& context);
  // Makes candidates_ what prepare() and a first top-k would, if the likeliest tell: nothing that is not
  // among them can come before these. False: they do not.
  bool take_from(const TopLogits& top, std::span<const TokenId> history, const SampleContext& context);
  // With top-k as the first step, candidates_ are those already.
  void filter(std::span<const float> logits);
  void filter_by_top_p(std::span<const float> logits, double least);
  // The same for any order of steps; in sampler_steps.cpp.
  void filter_in_order(std::span<const float> logits, uint64_t position, std::span<const TokenId> history,
                       const SamplerState& state);
  void filter_by_mirostat(std::span<const float> logits, const SamplerState& state);
  void list(std::span<const float> logits, double least);
  void adjust_candidates(SamplingStep step, std::span<const TokenId> history);
  void bend_to_target(const SamplerState& state);

  SamplingParams params_;
  int32_t n_vocab_;
  std::vector<SamplingStep> first_;  // penalties and DRY, before all others
  std::vector<SamplingStep> rest_;   // the others that do something; adaptive-p comes last
  bool usual_ = true;  // `rest_` is top-k, top-p, min-p, temperature, or a part of these in this order
  bool by_k_ = false, by_p_ = false, by_min_p_ = false;
  bool starts_by_k_ = false;  // top-k is the first of `rest_`
  bool only_lowers_ = false;  // what changes logits before all filters makes none higher
  size_t n_wanted_ = 0;       // of the likeliest, after that; 0: more than is known

  std::vector<float> adjusted_;
  std::vector<TokenId> recent_;
  std::vector<LogitBias> repeated_;
  DryScratch dry_;
  BlockMaxima maxima_;
  std::vector<float> floats_;
  std::vector<Candidate> candidates_;
  float temperature_ = 1;         // of the candidates
  std::vector<double> original_;  // adaptive-p: probabilities before they were bent
};

}  // namespace gannet
