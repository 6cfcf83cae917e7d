// Which drafts, and how long: speculation/controller.h. The marginal rule: a token more is drafted while what
// it is expected to give per second beats what the step gives so far.
#include <algorithm>
#include <cmath>

#include "speculation/controller_state.h"

namespace gannet {
namespace {

// A draft must promise this much more than plain steps to go on; kBegin to begin.
constexpr double kGoOn = 1.00;
// What it must promise beside the best one if it is made to find out its cost.
constexpr double kHoped = 1.02;
// A token of a draft whose cost was never measured, in plain steps.
constexpr double kGuessDraft = 0.15;
// A drift of this much since the last plain step is reason for one.
constexpr double kDrift = 0.08;
// Plain steps must be known to this part of them, or so often measured, before the first draft.
constexpr double kPlainError = 0.03;
constexpr int64_t kPlainAtMost = 8;
// Where lengths are fixed: tokens between plain steps.
constexpr int64_t kFixedPlain = 256;
// What was never measured may take so many times what is guessed, where the guess rests on nothing or on
// fewer rows ...
constexpr double kWorstGuess = 3, kWorseGuess = 1.5;
// ... and, in the first case, so many plain steps a row.
constexpr double kWorstRow = 0.3;
constexpr double kWorstDraft = 2;

bool is_kept(int rows) {
  return std::ranges::find(CostTable::kRows, rows) != CostTable::kRows.end();
}

}  // namespace

double ControllerState::drafts(int source, int n) const {
  if (n < 1 || kind(source).looks_up) return 0;
  const int number = sources[static_cast<size_t>(source)].costs;
  if (kind(source).whole_block) n = 1;
  if (costs.draft_measurements(number) == 0) return n * kGuessDraft * costs.step_seconds(1, n_past);
  return costs.draft_seconds(number, n);
}

// Costs are found out step by step: at most twice as many rows as were ever measured.
int ControllerState::row_limit(int rows) const {
  return std::min(most_rows, 2 * std::max(costs.most_measured_rows(), rows));
}

// What a step may take at worst, as far as known: where rows were never measured, a multiple of the guess.
double ControllerState::worst_step(int rows) const {
  const double seconds = costs.step_seconds(rows, n_past);
  if (costs.step_measurements(rows, n_past) > 0) return seconds;
  const double known = costs.step_seconds(std::min(rows, costs.most_measured_rows()), n_past);
  if (costs.most_measured_rows() > rows_now()) return known + kWorseGuess * (seconds - known);
  return known + std::max(kWorstGuess * (seconds - known), kWorstRow * (rows - rows_now()) * plain_seconds);
}

double ControllerState::worst_drafts(int source, int n) const {
  const bool known = costs.draft_measurements(sources[static_cast<size_t>(source)].costs) > 0;
  return drafts(source, n) * (known ? 1 : kWorstDraft);
}

// `every`: tokens of a sequence after which plain steps must be timed again.
bool ControllerState::must_measure(int rows, int64_t every) const {
  const int64_t n = costs.step_measurements(rows, n_past);
  if (plain_steps[static_cast<size_t>(rows)] < 2 || !costs.step_known(rows, n_past) || n < kKnown)
    return true;
  if (n < kPlainAtMost && costs.noise() > kPlainError * std::sqrt(static_cast<double>(n))) return true;
  if (drafted_round < plain_round) return false;  // the last step was one
  return tokens - plain_tokens >= every * rows || std::abs(costs.scale() / plain_scale - 1) > kDrift;
}

void ControllerState::choose(std::span<const SequenceOffers> sequences, int rows_allowed) {
  most_rows = std::min({rows_allowed, options.most_rows, CostTable::kMostRows});
  const auto rows = static_cast<int>(sequences.size());
  drafting.resize(sequences.size());
  n_past = 0;
  bool offered = false;
  for (size_t i = 0; i < sequences.size(); ++i) {
    drafting[i] = {};
    drafting[i].slot = sequences[i].slot;
    n_past = std::max(n_past, sequences[i].n_past);
    for (const Offer& offer : sequences[i].offers) offered = offered || offer.n > 0;
  }
  for (SourceState& s : sources) s.promised = 0;
  trying = -1;
  hope_from = hope_to = 0;
  draft_seconds = 0;
  plain_seconds = costs.step_seconds(rows, n_past);
  why = WhyOff::kNoOffer;
  if (!offered || rows >= most_rows) return;
  if (!options.choose) return choose_fixed(sequences);
  why = WhyOff::kMeasuring;
  // Plain steps take a hundredth of the time: two at a time, since the one behind a draft is not timed.
  if (must_measure(rows, static_cast<int64_t>(std::clamp(200 * std::min(gain, realised), 4.0, 512.0))))
    return;

  if (alive_.size() < sequences.size()) alive_.resize(sequences.size());
  best_.assign(sequences.size(), {});
  const double plain_rate = rows / plain_seconds;
  for (size_t i = 0; i < sequences.size(); ++i)
    for (const Offer& offer : sequences[i].offers) {
      if (offer.n < 1) continue;
      const Draftable d = look_at(sequences[i], offer, rows);
      double& promised = sources[static_cast<size_t>(offer.source)].promised;
      if (d.rate >= kBegin * plain_rate) promised = std::max(promised, d.rate / plain_rate - 1);
      if (d.n < 1 || d.rate <= best_[i].rate) continue;
      best_[i] = d;
      alive_[i] = look_;
    }
  const double rate = share(best_, rows, -1);
  int n = 0;
  for (const Draftable& d : best_) n += d.n;
  const bool worth = n > 0 && rate >= plain_rate * (on ? kGoOn : kBegin);
  if (!worth) {
    on = false;
    why = room() > 0 ? WhyOff::kNotWorth : WhyOff::kBudget;
    if (try_one(sequences, rows)) why = WhyOff::kNone;
    return;
  }
  on = true;
  gain += 0.1 * (rate / plain_rate - 1 - gain);
  why = WhyOff::kNone;
  source_tokens_.assign(sources.size(), 0);
  for (size_t i = 0; i < sequences.size(); ++i) {
    const Draftable& d = best_[i];
    if (d.n < 1) continue;
    // Of a model's draft more than is expected, alone: it may turn out to be easy.
    drafting[i].plan = {d.source, rows == 1 ? std::max(d.n, d.n_most) : d.n};
    drafting[i].expected = d.n;
    drafting[i].expected_gain = d.gain;
    source_tokens_[static_cast<size_t>(d.source)] += d.n;
  }
  for (size_t s = 0; s < sources.size(); ++s) draft_seconds += drafts(static_cast<int>(s), source_tokens_[s]);
}

// What a draft would give, token by token (look_), as far as the budget can bear that it is wrong. `rate` is
// the best that it gives beside `rows` rows, worth it or not; n is how far it is worth looking.
Draftable ControllerState::look_at(const SequenceOffers& sequence, const Offer& offer, int rows) {
  Draftable draft{.source = offer.source};
  const CommonRates& common = sources[static_cast<size_t>(offer.source)].common;
  SequenceRates& r = rates(sequence.slot, offer.source);
  // Nothing is believed of sources that never were right: their drafts grow with what they have shown.
  const int shown = 1 + static_cast<int>(std::min(common.n_right, 64.0f));
  const int most = std::min({offer.n, kind(offer.source).most, row_limit(rows) - rows, shown});
  const bool looks_up = kind(offer.source).looks_up;
  const double bearable = room() + plain_seconds;
  double alive = 1, won = 0, likely = 1, likely_won = 0, likely_rate = 0;
  for (int i = 0; i < most; ++i) {
    if (worst_step(rows + i + 1) + worst_drafts(offer.source, i + 1) > bearable) break;
    const double seconds = step(rows + i + 1) + drafts(offer.source, i + 1);
    alive *= rate_of(r, offer, i);
    won += alive;
    look_[static_cast<size_t>(i)] = static_cast<float>(alive);
    draft.n = i + 1;
    draft.rate = std::max(draft.rate, (rows + won) / seconds);
    if (!looks_up) {
      likely *= r.rate(common, i, AcceptanceTable::kClasses - 1);
      likely_won += likely;
      if (const double rate = (rows + likely_won) / seconds; rate > likely_rate) {
        draft.n_most = i + 1;
        likely_rate = rate;
      }
    }
    if (std::max(alive, looks_up ? 0 : likely) < kHopeless) break;
  }
  return draft;
}

// Shares rows among sequences: each next one goes to the draft whose next token is most likely to count. Of
// all numbers of rows on this way the one is taken that gives most; sets n and gain of the drafts. `sunk`:
// what drafting has cost already; negative: it is still to be done. Returns tokens per second.
double ControllerState::share(std::span<Draftable> best, int rows, double sunk) {
  const int limit = row_limit(rows);
  const double bearable = room() + plain_seconds, sunk_seconds = std::max(sunk, 0.0);
  const double plain_rate = rows / (plain_seconds + sunk_seconds);
  source_tokens_.assign(sources.size(), 0);
  order_.clear();
  for (Draftable& d : best) d.given = 0;
  double best_rate = plain_rate, hoped_rate = 0, any_rate = 0, won = 0, drafting_seconds = sunk_seconds;
  size_t n_best = 0, n_hoped = 0;
  int known = rows;
  double known_seconds = plain_seconds;
  while (rows + static_cast<int>(order_.size()) < limit) {
    int next = -1;
    float likely = kHopeless;
    for (size_t i = 0; i < best.size(); ++i) {
      if (best[i].given >= best[i].n) continue;
      const float alive = alive_[i][static_cast<size_t>(best[i].given)];
      if (alive <= likely) continue;
      likely = alive;
      next = static_cast<int>(i);
    }
    if (next < 0) break;
    Draftable& d = best[static_cast<size_t>(next)];
    if (sunk < 0) {
      int& n = source_tokens_[static_cast<size_t>(d.source)];
      drafting_seconds += drafts(d.source, n + 1) - drafts(d.source, n);
      ++n;
    }
    const int more = rows + static_cast<int>(order_.size()) + 1;
    if (worst_step(more) + drafting_seconds - sunk_seconds > bearable) break;
    order_.push_back(next);
    ++d.given;
    won += static_cast<double>(likely);
    const double rate = (rows + won) / (step(more) + drafting_seconds);
    if (rate > any_rate) {
      any_rate = rate;
      best_tokens = won / rows;
      best_steps = (step(more) + drafting_seconds) / plain_seconds - 1;
    }
    if (rate > best_rate) {
      best_rate = rate;
      n_best = order_.size();
    }
    if (sunk >= 0 || !is_kept(more)) continue;
    // A length that only looks worse because its cost is hardly known: it would pay if its rows cost as much
    // as the largest smaller number that is known.
    if (measured(more)) {
      known = more;
      known_seconds = costs.step_seconds(more, n_past);
    } else if (tries[static_cast<size_t>(more)] < kMostTries) {
      const double hoped = (rows + won) / (known_seconds + drafting_seconds);
      if (hoped <= hoped_rate) continue;
      hoped_rate = hoped;
      n_hoped = order_.size();
      hope_from = known;
      hope_to = more;
    }
  }
  const bool hope =
      n_best > 0 && n_hoped != n_best && best_rate >= kBegin * plain_rate && hoped_rate >= kHoped * best_rate;
  if (hope) {
    n_best = n_hoped;
    best_rate = hoped_rate;
    ++tries[static_cast<size_t>(hope_to)];
  } else if (sunk < 0) {
    hope_from = hope_to = 0;
  }
  for (Draftable& d : best) {
    d.n = 0;
    d.gain = 0;
  }
  for (size_t k = 0; k < n_best; ++k) {
    const auto i = static_cast<size_t>(order_[k]);
    Draftable& d = best[i];
    d.gain += static_cast<double>(alive_[i][static_cast<size_t>(d.n++)]);
  }
  return best_rate;
}

void ControllerState::choose_fixed(std::span<const SequenceOffers> sequences) {
  const auto rows = static_cast<int>(sequences.size());
  if (options.guard) {
    why = WhyOff::kMeasuring;
    if (must_measure(rows, kFixedPlain)) return;
    why = WhyOff::kBudget;
    if (room() <= 0) return;
  }
  int left = most_rows - rows;
  why = WhyOff::kNoOffer;
  for (size_t i = 0; i < sequences.size(); ++i)
    for (const Offer& offer : sequences[i].offers) {
      const int n = std::min({offer.n, kind(offer.source).most, left});
      if (n < 1) continue;
      drafting[i].plan = {offer.source, n};
      drafting[i].expected = n;
      left -= n;
      why = WhyOff::kNone;
      break;
    }
}

}  // namespace gannet
