#include "speculation/controller.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "speculation/controller_state.h"

namespace gannet {
namespace {

constexpr int64_t kRecent = 16;  // rounds
constexpr int64_t kSoon = 32;    // tokens

}  // namespace

Controller::Controller(ControllerOptions options, CostTable costs, AcceptanceTable acceptance)
    : state_(std::make_unique<ControllerState>(std::move(options))) {
  ControllerState& s = *state_;
  s.costs = std::move(costs);
  s.acceptance = std::move(acceptance);
  for (const ControllerSource& source : s.options.sources) {
    SourceState of;
    of.costs = s.costs.source(source.name);
    of.acceptance = s.acceptance.source(source.name);
    of.common.update(s.acceptance.sources()[static_cast<size_t>(of.acceptance)].counts, source.looks_up);
    of.credit = kCreditAtFirst / static_cast<double>(s.options.sources.size());
    s.sources.push_back(of);
  }
}

Controller::~Controller() = default;

void Controller::begin(int slot) {
  GANNET_CHECK(slot >= 0);
  ControllerState& s = *state_;
  if (s.slots.size() <= static_cast<size_t>(slot)) s.slots.resize(static_cast<size_t>(slot) + 1);
  auto& rates = s.slots[static_cast<size_t>(slot)];
  rates.resize(s.sources.size());
  for (SequenceRates& r : rates) r.begin();
  for (size_t i = 0; i < s.sources.size(); ++i) {
    SourceState& source = s.sources[i];
    s.update_common(static_cast<int>(i));
    // Another text may suit it better.
    source.failed /= 2;
    source.next_try = std::min(source.next_try, s.tokens + kSoon);
    source.resting = source.resting && source.credit <= 0;
  }
  s.budget.begin();
}

std::vector<DraftPlan> Controller::choose(std::span<const SequenceOffers> sequences, int most_rows) {
  for (const SequenceOffers& sequence : sequences) {
    const auto slot = static_cast<size_t>(sequence.slot);
    GANNET_CHECK(slot < state_->slots.size() && state_->slots[slot].size() == state_->sources.size(),
                 "begin() comes first");
  }
  state_->choose(sequences, most_rows);
  std::vector<DraftPlan> plans;
  plans.reserve(sequences.size());
  for (const Drafting& d : state_->drafting) plans.push_back(d.plan);
  return plans;
}

bool Controller::another(size_t i, float confidence) {
  return state_->another(i, confidence);
}

std::vector<int> Controller::cut(std::span<const std::vector<float>> confidence) {
  return state_->cut(confidence);
}

void Controller::shadow(int slot, int source, int place, float confidence, bool right) {
  state_->tested(slot, source, place, confidence, right);
}

bool Controller::wanted(int source) const {
  return !state_->sources[static_cast<size_t>(source)].resting;
}

void Controller::report(const RoundOutcome& outcome) {
  state_->report(outcome);
}

const CostTable& Controller::costs() const {
  return state_->costs;
}
const AcceptanceTable& Controller::acceptance() const {
  return state_->acceptance;
}
double Controller::seconds_saved() const {
  return state_->saved;
}

std::string Controller::why_off() const {
  const ControllerState& s = *state_;
  if (s.rounds == 0 || s.rounds - s.drafted_round <= kRecent) return {};
  switch (s.why_off) {
    case WhyOff::kNone:
      return {};
    case WhyOff::kNoOffer:
      return "no source has a draft";
    case WhyOff::kMeasuring:
      return "the time of plain steps is not known yet";
    case WhyOff::kBudget:
      return fmt::format("drafts lost as much as they may: {:.1f} ms", -1e3 * std::min(s.saved, 0.0));
    case WhyOff::kNotWorth:
      break;
  }
  if (s.best_steps <= 0) return "no draft would give more than it costs";
  return fmt::format("a draft would take {:.2f} steps more and give {:.2f} tokens", s.best_steps,
                     s.best_tokens);
}

std::string Controller::explain() const {
  const ControllerState& s = *state_;
  std::string text = fmt::format("a step of T rows takes, in steps of one row ({:.3f} ms):",
                                 1e3 * s.costs.step_seconds(1, s.n_past));
  for (const int rows : CostTable::kRows) {
    if (rows > s.options.most_rows) break;
    const bool known = s.costs.step_measurements(rows, s.n_past) > 0;
    text += fmt::format(
        " {}: {}{:.2f}", rows, known ? "" : "~",
        s.costs.step_seconds(rows, s.n_past) / std::max(s.costs.step_seconds(1, s.n_past), 1e-12));
  }
  text += "\n";
  for (size_t i = 0; i < s.sources.size(); ++i) {
    const SourceState& source = s.sources[i];
    text += fmt::format("{}: right, by place and confidence (", s.options.sources[i].name);
    for (const float bound : AcceptanceTable::kBounds) text += fmt::format(" {:g}", bound);
    text += " )";
    for (size_t place = 0; place < 4; ++place) {
      text += fmt::format("{}{:.2f} (", place == 0 ? " " : ", ", source.common.any[place]);
      for (const float rate : source.common.by_class[place]) text += fmt::format(" {:.2f}", rate);
      text += " )";
    }
    if (!s.options.sources[i].looks_up)
      text += fmt::format("; drafting 1, 2, 4 tokens takes {:.3f}, {:.3f}, {:.3f} ms",
                          1e3 * s.costs.draft_seconds(source.costs, 1),
                          1e3 * s.costs.draft_seconds(source.costs, 2),
                          1e3 * s.costs.draft_seconds(source.costs, 4));
    text += fmt::format("; {:.3f} ms per step without drafting\n", 1e3 * source.upkeep);
  }
  text += fmt::format("{} after {} steps; {:.1f} ms saved, {:.1f} ms may be lost\n", s.on ? "on" : "off",
                      s.rounds, 1e3 * s.saved, 1e3 * s.budget.room(s.costs.step_seconds(1, s.n_past)));
  return text;
}

}  // namespace gannet
