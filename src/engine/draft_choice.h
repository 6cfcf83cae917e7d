// How a drafter that has logits chooses tokens, so that the target is likely to choose the same: by the
// request's own sampling steps, with the noise of its sampler or with other noise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "draft/drafter.h"
#include "sample/sampler.h"

namespace gannet {

// For one drafter, one thread at a time. Owns scratch memory, no state: calls may come in any order.
class DraftChooser {
 public:
  // DraftChoice::kDrawn draws with gumbel_noise(seed ^ kOtherNoise, position, token): as independent of the
  // sampler's own noise as another seed is. Who accepts and draws anew must use neither.
  static constexpr uint64_t kOtherNoise = 0xD4AF7ED0C0FFEE11;

  // Logits are for the ids 0 .. n_vocab - 1; more of them are padding and never chosen.
  explicit DraftChooser(int32_t n_vocab) : n_vocab_(n_vocab) {}

  // The next token of `request`, behind its history and its tokens, by logits of the whole vocabulary.
  // Appended to its tokens. Its confidence is the probability among the kRanked likeliest, at temperature 1,
  // before the request's steps: one scale for all requests. Candidates are filled for DraftChoice::kDrawn,
  // unless there is only one. False: nothing can be chosen (logits that are not finite or cannot be read,
  // everything banned).
  bool add(DraftRequest& request, const LogitsRow& logits);

  // The same by logits of some tokens: logits[i] is that of ids[i]. `place_of` is the way back, by id; -1 for
  // tokens without a logit.
  bool add(DraftRequest& request, const LogitsRow& logits, std::span<const TokenId> ids,
           std::span<const int32_t> place_of);

  static constexpr size_t kRanked = 32;

  int32_t n_vocab() const { return n_vocab_; }
  // Whether the n likeliest of a row of n_logits may do. If not, add() reads all of every row.
  bool may_do_with(size_t n, const SamplingParams& params, int32_t n_logits);

 private:
  std::span<const float> adjust(const DraftRequest& request, std::span<const float> logits,
                                std::span<const int32_t> place_of);
  bool decides(const TopLogits& top, const SamplingParams& params, int32_t n_logits);
  float confidence(float logit) const;
  Sampler& sampler(const SamplingParams& params, int32_t n_logits);

  int32_t n_vocab_;
  std::optional<Sampler> sampler_;  // without bias, penalties and DRY
  SamplingParams made_of_;
  int32_t n_logits_ = 0;  // of sampler_
  BlockMaxima maxima_;
  std::vector<float> adjusted_, floats_;
  std::vector<Candidate> ranked_;  // of the last row, before the request's steps
  std::vector<Candidate> candidates_;
  std::vector<LogitBias> biases_, repeated_;
  DryScratch dry_;
  std::vector<TokenId> recent_, scratch_;
};

}  // namespace gannet
