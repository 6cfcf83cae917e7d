// What a Controller holds between calls, and the parts of its work. Private to this folder.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "speculation/budget.h"
#include "speculation/controller.h"
#include "speculation/rates.h"

namespace gannet {

// Why a round drafts nothing.
enum class WhyOff : uint8_t {
  kNone,       // it drafts
  kNoOffer,    // no source has anything
  kMeasuring,  // plain steps are timed
  kNotWorth,   // it would give less than it costs
  kBudget,     // it could lose more than may be lost
};

// Of all sources together, in plain steps.
inline constexpr double kCreditAtFirst = 0.5;
// A draft must promise this much more than plain steps, where there was none before.
inline constexpr double kBegin = 1.03;
// Measurements that make a cost known; drafts that are made to get them, by number of rows.
inline constexpr int64_t kKnown = 3;
inline constexpr int kMostTries = 6;
// Tokens less likely than this are not looked at.
inline constexpr float kHopeless = 0.02f;

struct SourceState {
  int costs = 0, acceptance = 0;  // numbers of the source in the tables
  CommonRates common;
  int n_stale = 0;  // tests since `common` was brought up to date
  // Tries of a source that is not worth its cost as far as known: the next one when `next_try` tokens were
  // made. `failed`: the last tries that were wrong, up to some.
  int64_t next_try = 0;
  int failed = 0;
  int lucky = 0;  // tries in a row that were right
  // Seconds per round that it costs without drafting, on average, and in how many it was measured.
  double upkeep = 0;
  int64_t n_upkeep = 0;
  double credit = 0;  // plain steps that it may still cost
  // What its best draft of this round would win, in plain steps, as far as known. A source that looks up
  // learns how good it is without drafting: it stays awake by what it could win until costs of steps are
  // known.
  double promised = 0;
  bool resting = false;
};

// The draft of one sequence in the round that is being made.
struct Drafting {
  int slot = 0;
  DraftPlan plan;
  int expected = 0;          // tokens of it that will be verified, as planned
  double expected_gain = 0;  // of them right
  // While it is made: tokens so far, the chance that all of them are right, right tokens expected.
  int n = 0;
  double alive = 1, gain = 0;
};

// A draft of one source for one sequence.
struct Draftable {
  int source = -1;
  int n = 0;        // tokens
  int given = 0;    // of them while rows are shared
  int n_most = 0;   // if all of them turn out to be likely
  double gain = 0;  // right tokens expected
  double rate = 0;  // tokens per second of the step with it, at best
};

struct ControllerState {
  ControllerOptions options;
  CostTable costs;
  AcceptanceTable acceptance;
  LossBudget budget;
  std::vector<SourceState> sources;
  std::vector<std::vector<SequenceRates>> slots;  // [slot][source]

  // The round that is being made.
  std::vector<Drafting> drafting;
  int64_t n_past = 0;
  int most_rows = 0;               // of its step
  double plain_seconds = 0;        // of a step without drafts
  double draft_seconds = 0;        // expected, of all drafts
  int trying = -1;                 // the source of a try
  int hope_from = 0, hope_to = 0;  // rows between are taken to cost as much as hope_from: their cost is tried
  WhyOff why = WhyOff::kNone;
  double best_steps = 0, best_tokens = 0;  // of the best draft there was, for people

  // Over rounds.
  int64_t rounds = 0, tokens = 0;
  double saved = 0;            // seconds
  int64_t drafted_round = -1;  // the last one with a draft
  // The last step verified drafts. What it left undone (wrong rows in the state) the next one does: that is a
  // cost of drafting, and such a step without drafts is not a plain one.
  bool behind_draft = false;
  bool on = false;
  // Tokens per second with drafts beside plain ones, minus 1: as expected, and as it was in `n_realised`
  // rounds.
  double gain = 0, realised = 0;
  int64_t n_realised = 0;
  WhyOff why_off = WhyOff::kNone;  // of the last round that drafted nothing for another reason than measuring
  std::array<int64_t, CostTable::kMostRows + 1> plain_steps{};  // by rows, in this process
  std::array<int, CostTable::kMostRows + 1> tries{};            // of rows whose cost was hoped to be small
  int64_t plain_round = 0, plain_tokens = 0;                    // the last one, and tokens until then
  double plain_scale = 1;                                       // of the cost table then

  explicit ControllerState(ControllerOptions o) : options(std::move(o)), budget(BudgetOptions{}) {}

  // controller_choice.cpp
  void choose(std::span<const SequenceOffers> sequences, int rows_allowed);
  // controller_draft.cpp
  bool another(size_t i, float confidence);
  std::vector<int> cut(std::span<const std::vector<float>> confidence);

  SequenceRates& rates(int slot, int source) {
    return slots[static_cast<size_t>(slot)][static_cast<size_t>(source)];
  }
  const ControllerSource& kind(int source) const { return options.sources[static_cast<size_t>(source)]; }

  // controller_report.cpp
  void update_common(int source);
  void report(const RoundOutcome& outcome);
  // A token's turn came.
  void tested(int slot, int source, int place, float confidence, bool right);

 private:
  double account(const RoundOutcome& outcome, int n_verified, int n_emitted, bool drafted);
  double beyond_expected(const RoundOutcome& outcome) const;
  void measure(const RoundOutcome& outcome, int n_verified);
  void keep_credit(bool drafted, double lost);

  bool must_measure(int rows, int64_t every) const;
  void choose_fixed(std::span<const SequenceOffers> sequences);
  Draftable look_at(const SequenceOffers& sequence, const Offer& offer, int rows);
  double share(std::span<Draftable> best, int rows, double sunk);
  // controller_tries.cpp
  void space_tries(int n_tried_right, int rows);
  bool try_one(std::span<const SequenceOffers> sequences, int rows);
  int worth_trying(const SequenceOffers& sequence, const Offer& offer, int rows);

  double room() const { return options.guard ? budget.room(plain_seconds) : 1e30; }
  // What drafts are chosen by.
  double step(int rows) const {
    return costs.least_step_seconds(rows > hope_from && rows <= hope_to ? hope_from : rows, n_past);
  }
  bool measured(int rows) const { return costs.step_measurements(rows, n_past) >= kKnown; }
  int row_limit(int rows) const;
  int rows_now() const { return static_cast<int>(drafting.size()); }
  // The chance of a token of an offer; of what is not drafted yet on average.
  float rate_of(SequenceRates& of, const Offer& offer, int place) {
    const auto at = static_cast<size_t>(place);
    const CommonRates& common = sources[static_cast<size_t>(offer.source)].common;
    return at < offer.confidence.size()
               ? of.rate(common, place, AcceptanceTable::class_of(offer.confidence[at]))
               : of.rate(common, place);
  }
  double drafts(int source, int n) const;  // seconds
  double worst_step(int rows) const;
  double worst_drafts(int source, int n) const;

  // Chance that the first i + 1 tokens of a draft are right.
  using Alive = std::array<float, CostTable::kMostRows>;
  Alive look_{};              // of the one that is looked at
  std::vector<Alive> alive_;  // of the best one of each sequence
  std::vector<Draftable> best_;
  std::vector<int> order_;  // sequences in the order in which they got rows
  std::vector<int> source_tokens_;
};

}  // namespace gannet
