// What drafts tokens for the target model to verify: from the text alone, with a model of its own, with the
// model's own block, or many in one pass from features of the target. One interface for all, for many
// sequences at once, so that the loop over rounds (engine/decoder.h) knows no kinds. Verification decides
// what becomes text, so a drafter can cost time but never change it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "sample/sampler.h"

namespace gannet {

struct DrafterInfo {
  std::string name;  // as in --spec-type: "draft-mtp"
  // Drafts are a function of the history and cost next to nothing: they may be made for every round, and are
  // scored against the text that comes whether they were verified or not.
  bool looks_up = false;
  // All tokens come from one pass, which costs the same for few and many.
  bool whole_block = false;
  // Wants the target's normed hidden rows (TargetRows::hidden).
  bool hidden = false;
  // Wants what these layers of the target give, counted from 0 (TargetRows::features).
  std::vector<int> layers = {};
  int most = 16;  // tokens of one draft
};

// Tokens of a slot's history that the target has run and that stay: a piece of a prompt, or what of a round
// became text. Rows have numbers (Session::step), good until the target's next step.
struct TargetRows {
  int slot = 0;
  std::span<const TokenId> history;  // all of the slot's text; may end behind the rows
  int64_t first = 0, n = 0;          // positions [first, first + n)
  int32_t hidden = -1;               // number of the first hidden row, the others follow; -1: not made
  int32_t features = -1;             // the same for the wanted layers side by side
  int64_t no_hidden = 0;             // so many rows in front have none; `hidden` is of the one behind them
};

// A drafted token. `candidates`: what it was drawn from, with the probability of each in `logit`; empty when
// it is certain, or when nobody wants to know.
struct DraftToken {
  TokenId token = -1;
  float confidence = 0;  // (0, 1): how sure the drafter is; need not be calibrated, but the same scale always
  std::vector<Candidate> candidates = {};
};

// How drafted tokens are chosen: like the target will choose them.
enum class DraftChoice : uint8_t {
  kSharedNoise,  // argmax of log q + the noise that the sampler uses at that position
  kDrawn,        // from q, with other noise; candidates are wanted
};

// One sequence for which a draft is wanted.
struct DraftRequest {
  int slot = 0;
  std::span<const TokenId> history;          // its last token was not run by the target yet
  int n_most = 0;                            // tokens wanted, at least 1
  const SamplingParams* sampling = nullptr;  // of the request
  const SamplerState* state = nullptr;       // of the request at `position`; null: of a first token
  uint64_t position = 0;                     // Sampler::sample() position of the first drafted token
  DraftChoice choice = DraftChoice::kSharedNoise;
  // Asked after every token of a drafter that makes them one by one: whether to make another. Null: yes.
  std::function<bool(float confidence)> another = {};
  std::vector<DraftToken> tokens = {};  // the draft; may stay empty
};

// Slots are small numbers, one for each sequence that is being decoded; the same for all drafters. One thread
// at a time. Errors leave a drafter unusable for that slot until begin().
class Drafter {
 public:
  virtual ~Drafter() = default;
  virtual const DrafterInfo& info() const = 0;

  // A slot's text is now `history`, of which the first n_kept tokens are as they were (0: a new text).
  // Nothing behind them was run. The rest is announced by ran().
  virtual Result<void> begin(int slot, std::span<const TokenId> history, size_t n_kept) = 0;
  // Whether drafts can be made without waiting for something that takes long to make. If not, asking has it
  // made in the background.
  virtual bool ready() { return true; }
  // Of a prompt of n tokens, for how many at its end hidden rows are worth their cost, if info().hidden.
  virtual int64_t prompt_rows(int64_t n) const { return n; }
  // The target ran these. In order; positions skipped (a restored prefix) have no rows.
  virtual Result<void> ran(std::span<const TargetRows> rows) = 0;
  // Fills `tokens` of each request. Called between ran() and the target's next step.
  virtual Result<void> draft(std::span<DraftRequest> requests) = 0;
  // Of the slot's last draft n_verified tokens were given to the target, n_right of them became text. Not
  // called when none were.
  virtual void verified(int slot, int n_verified, int n_right) = 0;
  // The slot is free; what was kept for it may go.
  virtual void end(int slot) = 0;
  // All slots are free; what is known beyond a process is stored (the dynamic file of ngram-cache). Being
  // destroyed does the same, but can tell nobody of errors.
  virtual Result<void> save() { return {}; }
};

}  // namespace gannet
