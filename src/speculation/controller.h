// How much to draft: the source and the length of every draft by what steps cost on this machine and how
// often drafts were right, so that speculation is taken where it pays and never costs more than a small
// budget. Knows no models and reads no clock: callers say how long things took. How it decides: README.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "speculation/acceptance.h"
#include "speculation/costs.h"

namespace gannet {

struct ControllerSource {
  std::string name;
  bool looks_up = false;     // its drafts cost next to nothing and are there before the choice
  bool whole_block = false;  // one pass, whatever the length
  int most = 16;             // tokens of one draft
};

struct ControllerOptions {
  std::vector<ControllerSource> sources;  // in order of priority
  // false: the first source that has something drafts as much as it has; only the loss budget says no (and
  // lets a few plain steps be timed at first and now and then).
  bool choose = true;
  bool guard = true;   // the loss budget; without it and without choice nothing ever says no
  int most_rows = 64;  // of one step
};

// What a source could draft for a sequence now. Of a source that looks up: how sure it is of each token.
// Others: `n` is how many tokens it may draft.
struct Offer {
  int source = 0;  // index into ControllerOptions::sources
  int n = 0;
  std::span<const float> confidence = {};
};
struct SequenceOffers {
  int slot = 0;
  int64_t n_past = 0;  // tokens that its rows look at
  std::span<const Offer> offers;
};
struct DraftPlan {
  int source = -1;  // -1: no draft
  int n = 0;        // of a source that looks up: the tokens to verify; of others: at most so many
};

// What came of one sequence in a round.
struct SequenceOutcome {
  int slot = 0;
  int source = -1;     // -1: no draft
  int n_verified = 0;  // drafted tokens in the step
  int n_right = 0;     // of them from the first on
  bool ended = false;  // the answer ended at a right token: what came behind was not tested
  std::span<const float> confidence = {};  // of the verified tokens
  int n_emitted = 1;                       // tokens that became text

  // Drafted tokens whose turn came: the right ones and the first wrong one.
  int n_tested() const { return std::min(n_verified, n_right + (ended ? 0 : 1)); }
};
struct RoundOutcome {
  std::span<const SequenceOutcome> sequences;
  int64_t n_past = 0;  // the longest
  // Of the target's step. When there are more than those of the sequences (prompts are read beside them), the
  // step says nothing of costs.
  int n_rows = 0;
  double target_seconds = 0;                   // step, choice of tokens and everything else but drafting
  std::span<const double> draft_seconds = {};  // by source; drafting, and keeping up with the text
  std::span<const int> draft_tokens = {};      // by source; drafted, verified or not
  // A plan was made, memory was touched for the first time: not a measurement. The time counts as lost.
  bool first_of_kind = false;
};

struct ControllerState;

// One thread at a time. A round is choose(), drafting, cut() if anything was drafted, the step, report().
class Controller {
 public:
  // `costs` and `acceptance`: what earlier runs measured, or empty ones. Both are learned on and can be taken
  // back for storing.
  Controller(ControllerOptions options, CostTable costs, AcceptanceTable acceptance);
  ~Controller();

  // A request begins in a slot; its own rates start from those of all. What requests before it have
  // won is not there to be lost again.
  void begin(int slot);

  // The drafts of the next step, in the order of `sequences`, whose slots have begun. `most_rows`: that this
  // step may have, if fewer than ControllerOptions say.
  std::vector<DraftPlan> choose(std::span<const SequenceOffers> sequences,
                                int most_rows = CostTable::kMostRows);
  // While a source drafts for sequence i of the last choose(): it made a token; is another worth it? Not
  // asked for drafts that are made in one pass or looked up.
  bool another(size_t i, float confidence);
  // All drafts of the last choose() are made, looked up ones too: how many tokens of each to verify, in the
  // order of the sequences. `confidence`: of the tokens of each; empty: none drafted.
  std::vector<int> cut(std::span<const std::vector<float>> confidence);
  // After the step.
  void report(const RoundOutcome& outcome);
  // A source that looks up would have drafted a token with this confidence at this place of a draft (0: the
  // first), and the text went on with it, or not. Tokens behind a wrong one are not told, nor those that a
  // round's outcome tells.
  void shadow(int slot, int source, int place, float confidence, bool right);
  // Whether a source should keep up with the text and be asked for drafts. False while it costs more time
  // than it wins: it should be left alone then, and what it misses is lost or caught up with later. Callers
  // that cannot do so may ignore it; its time counts as lost.
  bool wanted(int source) const;

  const CostTable& costs() const;
  const AcceptanceTable& acceptance() const;

  // Why the last rounds drafted nothing: "" when they did; else a sentence for users ("a draft would take
  // 1.40 steps more and give 0.30 tokens").
  std::string why_off() const;
  // Seconds that speculation has won (positive) or lost so far against plain steps, as estimated.
  double seconds_saved() const;
  // Tables and choices as text, for people.
  std::string explain() const;

 private:
  std::unique_ptr<ControllerState> state_;
};

}  // namespace gannet
