// What a round says about costs, rates and losses, and what follows for the next ones:
// speculation/controller.h.
#include <algorithm>

#include "speculation/controller_state.h"

namespace gannet {
namespace {

constexpr int kRefreshCommon = 32;  // tests
// More than so many times what was expected, after so many measurements, is something else that took the
// machine.
constexpr double kSpike = 2;
constexpr double kUpkeepWeight = 0.05, kRealisedWeight = 0.1;
// What all sources together may cost in steps without drafts, as a part of them; a source that costs more
// than its share and what it wins rests until it has as much as it had at first, in plain steps.
constexpr double kUpkeep = 0.005, kMostCredit = 2;
constexpr float kNoConfidence = 0.5f;

}  // namespace

void ControllerState::tested(int slot, int source, int place, float confidence, bool right) {
  SourceState& s = sources[static_cast<size_t>(source)];
  const int c = AcceptanceTable::class_of(confidence);
  acceptance.tested(s.acceptance, place, c, right);
  rates(slot, source).tested(s.common, place, c, right);
  s.common.n_right += right ? 1.0f : 0.0f;
  if (++s.n_stale < kRefreshCommon) return;
  update_common(source);
}

void ControllerState::update_common(int source) {
  SourceState& s = sources[static_cast<size_t>(source)];
  s.n_stale = 0;
  s.common.update(acceptance.sources()[static_cast<size_t>(s.acceptance)].counts, kind(source).looks_up);
  for (auto& slot : slots)
    if (!slot.empty()) slot[static_cast<size_t>(source)].update();
}

void ControllerState::report(const RoundOutcome& outcome) {
  const auto rows = static_cast<int>(outcome.sequences.size());
  if (rows == 0) return;
  int n_verified = 0, n_emitted = 0, n_tried_right = 0;
  for (const SequenceOutcome& o : outcome.sequences) {
    n_verified += o.n_verified;
    n_emitted += o.n_emitted;
    if (o.source < 0) continue;
    for (int place = 0; place < o.n_tested(); ++place) {
      const auto at = static_cast<size_t>(place);
      tested(o.slot, o.source, place, at < o.confidence.size() ? o.confidence[at] : kNoConfidence,
             place < o.n_right);
    }
    if (o.source == trying) n_tried_right += o.n_right;
  }
  bool drafted = n_verified > 0;
  for (const Drafting& d : drafting) drafted = drafted || d.plan.n > 0;

  const double lost = account(outcome, n_verified, n_emitted, drafted);
  measure(outcome, n_verified);
  const bool behind = behind_draft;
  behind_draft = n_verified > 0;
  tokens += n_emitted;
  if (drafted) {
    if (options.choose && plain_seconds > 0) space_tries(n_tried_right, rows);
    drafted_round = rounds;
  } else {
    if (why != WhyOff::kMeasuring || drafted_round < 0) why_off = why;
    if (!behind && !outcome.first_of_kind && outcome.n_rows == rows && rows <= CostTable::kMostRows) {
      ++plain_steps[static_cast<size_t>(rows)];
      plain_round = rounds;
      plain_tokens = tokens;
      plain_scale = costs.scale();
    }
  }
  if (plain_seconds > 0) keep_credit(drafted, lost / plain_seconds);
  ++rounds;
}

// What the round cost beside plain steps of as many sequences for the same tokens.
double ControllerState::account(const RoundOutcome& outcome, int n_verified, int n_emitted, bool drafted) {
  const auto rows = static_cast<int>(outcome.sequences.size());
  double drafting_seconds = 0;
  for (const double d : outcome.draft_seconds) drafting_seconds += d;
  const double seconds = outcome.target_seconds + drafting_seconds;
  const double plain = costs.step_seconds(rows, outcome.n_past);
  if (plain <= 0) return 0;
  // Plain steps may be faster than it seems: drafts win no more than is sure.
  const double least = 2 * costs.least_step_seconds(rows, outcome.n_past) - plain;
  const bool prompts_beside = outcome.n_rows != rows + n_verified;
  const auto lost_beside = [&](double of) {
    if (!drafted && (!behind_draft || prompts_beside)) return drafting_seconds;
    if (!prompts_beside) return seconds - of * n_emitted / rows;
    return drafting_seconds - of * (n_emitted - rows) / rows +
           costs.step_seconds(outcome.n_rows, outcome.n_past) -
           costs.step_seconds(outcome.n_rows - n_verified, outcome.n_past);
  };
  saved -= lost_beside(plain);
  double lost = lost_beside(least);

  const double beyond = prompts_beside ? 0 : beyond_expected(outcome);
  if (drafted) {
    const double weight = std::max(kRealisedWeight, 1 / static_cast<double>(++n_realised));
    realised += weight * (-lost_beside(plain) / seconds - realised);
  }
  if (drafted || behind_draft) {
    lost -= budget.forgive(beyond, seconds, plain);
    budget.round(seconds, lost, plain);
  } else {
    budget.plain(beyond, seconds);
    budget.upkeep(seconds, lost, plain);
  }
  return lost;
}

// Seconds that the round took beyond what it should: something else took the machine, memory was touched for
// the first time.
double ControllerState::beyond_expected(const RoundOutcome& outcome) const {
  const auto beyond = [](double took, double expected, bool known) {
    return took > (known ? kSpike : 1) * expected ? took - expected : 0;
  };
  const bool known =
      !outcome.first_of_kind && costs.step_measurements(outcome.n_rows, outcome.n_past) >= kKnown;
  double all =
      beyond(outcome.target_seconds,
             known ? costs.step_seconds(outcome.n_rows, outcome.n_past) : worst_step(outcome.n_rows), known);
  for (size_t i = 0; i < sources.size() && i < outcome.draft_seconds.size(); ++i) {
    const int n = i < outcome.draft_tokens.size() ? outcome.draft_tokens[i] : 0;
    if (n < 1 || kind(static_cast<int>(i)).looks_up) continue;
    all += beyond(outcome.draft_seconds[i], worst_drafts(static_cast<int>(i), n),
                  costs.draft_measurements(sources[i].costs) >= kKnown);
  }
  return all;
}

void ControllerState::measure(const RoundOutcome& outcome, int n_verified) {
  const bool prompts_beside = outcome.n_rows != static_cast<int>(outcome.sequences.size()) + n_verified;
  if (!outcome.first_of_kind && !prompts_beside && !(behind_draft && n_verified == 0))
    costs.measured_step(outcome.n_rows, outcome.n_past, outcome.target_seconds);
  for (size_t i = 0; i < sources.size() && i < outcome.draft_seconds.size(); ++i) {
    const int n = i < outcome.draft_tokens.size() ? outcome.draft_tokens[i] : 0;
    const ControllerSource& source = options.sources[i];
    SourceState& s = sources[i];
    if (!source.looks_up && n > 0) {
      if (!outcome.first_of_kind)
        costs.measured_draft(s.costs, source.whole_block ? 1 : n, outcome.draft_seconds[i]);
    } else if (!s.resting) {
      const double weight = std::max(kUpkeepWeight, 1 / static_cast<double>(++s.n_upkeep));
      s.upkeep += weight * (outcome.draft_seconds[i] - s.upkeep);
    }
  }
}

// What each source has cost beside what it has won. `lost` in plain steps, by those that drafted.
void ControllerState::keep_credit(bool drafted, double lost) {
  const double share = kUpkeep / static_cast<double>(sources.size());
  for (size_t i = 0; i < sources.size(); ++i) {
    SourceState& s = sources[i];
    bool used = false;
    if (drafted)
      for (const Drafting& d : drafting) used = used || d.plan.source == static_cast<int>(i);
    s.credit += share + (used ? std::max(-lost, 0.0) : s.resting ? 0 : s.promised - s.upkeep / plain_seconds);
    s.credit = std::min(s.credit, kMostCredit);
    s.resting = s.credit < (s.resting ? kCreditAtFirst / static_cast<double>(sources.size()) : 0);
  }
}

}  // namespace gannet
