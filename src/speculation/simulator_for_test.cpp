#include "speculation/simulator_for_test.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/philox.h"

namespace gannet {
namespace {

constexpr int64_t kPiece = 64;

double uniform(uint64_t key, uint64_t a, uint64_t b) {
  return philox_uniform(philox4x32(key, a, b)[0]);
}

// Distinct experts of T rows, as times those of one row.
double experts(double k, double all, double overlap, int rows) {
  const double independent = all / k * (1 - std::pow(1 - k / all, rows));
  return 1 + (1 - overlap) * (independent - 1);
}

// dense: gigabytes that are read whatever the rows; sparse: those of one row's experts; overlap of experts.
std::function<double(int)> reading(double dense, double sparse, double k, double all, double overlap,
                                   double per_row = 0.01) {
  return [=](int rows) {
    return (dense + sparse * experts(k, all, overlap, rows)) / (dense + sparse) + per_row * (rows - 1);
  };
}

CostTable guessed(const SimulatedMachine& machine) {
  CostTable costs;
  if (!machine.guess) return costs;
  std::vector<double> ratios;
  for (int rows = 1; rows <= CostTable::kMostRows; ++rows) ratios.push_back(machine.guess(rows));
  costs.set_guess(std::move(ratios));
  return costs;
}

struct Sequence {
  TextState text;
  int64_t in_request = 0;
  struct Foretold {
    std::vector<float> confidence;
    std::vector<bool> right;
    size_t at = 0;
  };
  std::vector<Foretold> foretold;
  std::vector<std::vector<float>> confidence;  // of the offers, by source
  std::vector<std::vector<bool>> right;
  std::vector<Offer> offers;
};

class Simulation {
 public:
  Simulation(const SimulationOptions& o, CostTable* costs, AcceptanceTable* acceptance)
      : o_(o),
        controller_(options(), costs != nullptr ? *costs : guessed(o.machine),
                    acceptance != nullptr ? *acceptance : AcceptanceTable()) {
    sequences_.resize(static_cast<size_t>(o.n_sequences));
    for (Sequence& s : sequences_) {
      s.foretold.resize(o.sources.size());
      s.confidence.resize(o.sources.size());
      s.right.resize(o.sources.size());
    }
  }

  SimulationResult run();
  const Controller& controller() const { return controller_; }

 private:
  ControllerOptions options() const {
    ControllerOptions c;
    for (size_t i = 0; i < o_.sources.size(); ++i)
      c.sources.push_back({(o_.sources[i].looks_up ? "look-up " : "model ") + std::to_string(i),
                           o_.sources[i].looks_up, false, o_.sources[i].most});
    c.choose = o_.choose;
    c.guard = o_.guard;
    return c;
  }
  void offer(size_t index);
  void foresee(size_t index, int source_used, int n_emitted);
  double clock(double mean) {
    drift_ = o_.clock.drift ? o_.clock.drift(seconds_) : 1;
    expected_ += mean * drift_;
    double factor = drift_;
    const auto words = philox4x32(o_.seed * 7 + 3, 11, static_cast<uint64_t>(timed_++));
    if (o_.clock.sigma > 0) {
      const double normal = std::sqrt(-2 * std::log(philox_uniform(words[0]))) *
                            std::cos(2 * std::numbers::pi * philox_uniform(words[1]));
      factor *= std::exp(o_.clock.sigma * normal - o_.clock.sigma * o_.clock.sigma / 2);
    }
    if (philox_uniform(words[2]) < o_.clock.spikes) factor *= o_.clock.spike;
    return mean * factor;
  }

  const SimulationOptions& o_;
  Controller controller_;
  std::vector<Sequence> sequences_;
  double seconds_ = 0, drift_ = 1;
  double expected_ = 0;  // of this round
  int64_t timed_ = 0;
};

// What each source would draft for a sequence, and what of it is right.
void Simulation::offer(size_t index) {
  Sequence& s = sequences_[index];
  s.offers.clear();
  for (size_t k = 0; k < o_.sources.size(); ++k) {
    const SimulatedSource& source = o_.sources[k];
    s.confidence[k].clear();
    s.right[k].clear();
    if (o_.fixed < 0 && !controller_.wanted(static_cast<int>(k))) continue;
    const uint64_t key = o_.seed * 1000 + k * 100 + index;
    // Whether it has something stays so for some tokens: what was met before comes in pieces.
    if (uniform(key, 1, static_cast<uint64_t>(s.text.position / kPiece)) >= source.offers) continue;
    TextState at = s.text;
    const int most = source.offers < 1
                         ? static_cast<int>(std::min<int64_t>(source.most, kPiece - s.text.position % kPiece))
                         : source.most;
    for (int i = 0; i < most; ++i, ++at.position) {
      const double rate = std::clamp(o_.text.rate(at) * source.rate_factor, 0.0, 1.0);
      // Chances of single tokens differ; their mean is `rate`.
      double chance = rate;
      if (source.insight > 0 && rate > 0 && rate < 1) {
        const double spread = std::min(rate, 1 - rate);
        const double where = uniform(key, 2, static_cast<uint64_t>(at.position));
        chance = rate + source.insight * spread * (where < 0.5 ? -1 : 1);
      }
      s.right[k].push_back(uniform(key, 3, static_cast<uint64_t>(at.position)) < chance);
      s.confidence[k].push_back(
          static_cast<float>(source.insight > 0 ? std::clamp(chance, 0.01, 0.99) : 0.8));
    }
    s.offers.push_back({static_cast<int>(k), most, {}});
    if (source.looks_up) {
      s.offers.back().confidence = s.confidence[k];
      Sequence::Foretold& f = s.foretold[k];
      if (f.at >= f.confidence.size()) f = {s.confidence[k], s.right[k], 0};
    }
  }
}

void Simulation::foresee(size_t index, int source_used, int n_emitted) {
  Sequence& s = sequences_[index];
  for (size_t k = 0; k < o_.sources.size(); ++k) {
    Sequence::Foretold& f = s.foretold[k];
    for (int i = 0; i < n_emitted && f.at < f.confidence.size(); ++i) {
      if (static_cast<int>(k) == source_used) {
        f = {};
        break;
      }
      const bool right = f.right[f.at];
      if (o_.fixed < 0)
        controller_.shadow(static_cast<int>(index), static_cast<int>(k), static_cast<int>(f.at),
                           f.confidence[f.at], right);
      ++f.at;
      if (!right) f = {};
    }
  }
}

SimulationResult Simulation::run() {
  SimulationResult result;
  std::vector<SequenceOffers> offers;
  std::vector<DraftPlan> plans(sequences_.size());
  std::vector<std::vector<float>> confidence(sequences_.size());
  std::vector<SequenceOutcome> outcomes(sequences_.size());
  std::vector<int> lengths, draft_tokens(o_.sources.size());
  std::vector<double> draft_seconds(o_.sources.size());
  double late_seconds = 0;
  int64_t late_tokens = 0;
  if (o_.fixed < 0)
    for (int i = 0; i < o_.n_sequences; ++i) controller_.begin(i);
  const auto n_sequences = static_cast<int>(sequences_.size());
  const int64_t want = o_.tokens * n_sequences;
  while (result.tokens < want) {
    offers.clear();
    for (size_t i = 0; i < sequences_.size(); ++i) {
      offer(i);
      offers.push_back({static_cast<int>(i), 0, sequences_[i].offers});
    }
    if (o_.fixed < 0) {
      plans = controller_.choose(offers);
    } else {
      for (DraftPlan& plan : plans) plan = {o_.fixed > 0 ? 0 : -1, o_.fixed};
    }

    expected_ = 0;
    std::ranges::fill(draft_tokens, 0);
    std::ranges::fill(draft_seconds, 0.0);
    bool any = false;
    for (size_t i = 0; i < plans.size(); ++i) {
      confidence[i].clear();
      if (plans[i].source < 0) continue;
      const auto k = static_cast<size_t>(plans[i].source);
      const int n = std::min(plans[i].n, static_cast<int>(sequences_[i].confidence[k].size()));
      for (int j = 0; j < n; ++j) {
        confidence[i].push_back(sequences_[i].confidence[k][static_cast<size_t>(j)]);
        if (o_.fixed >= 0 || o_.sources[k].looks_up || j + 1 == n) continue;
        if (!controller_.another(i, confidence[i].back())) break;
      }
      draft_tokens[k] += static_cast<int>(confidence[i].size());
      any = any || !confidence[i].empty();
    }
    lengths.assign(plans.size(), 0);
    if (any && o_.fixed < 0) lengths = controller_.cut(confidence);
    if (o_.fixed >= 0)
      for (size_t i = 0; i < plans.size(); ++i) lengths[i] = static_cast<int>(confidence[i].size());
    for (size_t k = 0; k < o_.sources.size(); ++k) {
      if (o_.sources[k].upkeep > 0 && (o_.fixed >= 0 || controller_.wanted(static_cast<int>(k))))
        draft_seconds[k] = clock(o_.machine.step * o_.sources[k].upkeep);
      if (!o_.sources[k].looks_up && draft_tokens[k] > 0)
        draft_seconds[k] +=
            clock(o_.machine.step * (o_.machine.per_draft + o_.machine.per_token * draft_tokens[k]));
    }

    int n_rows = n_sequences, emitted = 0, drafted = 0;
    for (size_t i = 0; i < plans.size(); ++i) {
      Sequence& s = sequences_[i];
      SequenceOutcome& out = outcomes[i];
      out = {};
      out.slot = static_cast<int>(i);
      out.source = lengths[i] > 0 ? plans[i].source : -1;
      out.n_verified = lengths[i];
      n_rows += lengths[i];
      drafted += lengths[i];
      confidence[i].resize(static_cast<size_t>(lengths[i]));
      out.confidence = confidence[i];
      const auto k = static_cast<size_t>(std::max(plans[i].source, 0));
      while (out.n_right < lengths[i] && s.right[k][static_cast<size_t>(out.n_right)]) ++out.n_right;
      out.n_emitted = out.n_right + 1;
      emitted += out.n_emitted;
      s.text.drafted_in_a_row = lengths[i] > 0 ? s.text.drafted_in_a_row + 1 : 0;
      s.text.plain_in_a_row = lengths[i] > 0 ? 0 : s.text.plain_in_a_row + 1;
      ++s.text.rounds;
      s.text.position += out.n_emitted;
      foresee(i, out.source, out.n_emitted);
    }
    RoundOutcome outcome;
    outcome.sequences = outcomes;
    outcome.n_rows = n_rows;
    outcome.draft_seconds = draft_seconds;
    outcome.draft_tokens = draft_tokens;
    outcome.target_seconds = clock(o_.machine.step * o_.machine.ratio(n_rows));
    if (o_.fixed < 0) controller_.report(outcome);

    const double seconds = expected_;
    seconds_ += seconds;
    result.plain_seconds += emitted * o_.machine.step * o_.machine.ratio(n_sequences) / n_sequences * drift_;
    result.worst_excess = std::max(result.worst_excess, seconds_ - 1.02 * result.plain_seconds);
    result.tokens += emitted;
    result.drafted_rounds += drafted > 0 ? 1 : 0;
    result.verified += drafted;
    if (result.rounds++ >= o_.settle_rounds) {
      late_seconds += seconds;
      late_tokens += emitted;
    }
    for (size_t i = 0; i < sequences_.size(); ++i) {
      Sequence& s = sequences_[i];
      s.in_request += outcomes[i].n_emitted;
      if (o_.request_tokens == 0 || s.in_request < o_.request_tokens || o_.fixed >= 0) continue;
      s.in_request = 0;
      for (Sequence::Foretold& f : s.foretold) f = {};
      controller_.begin(static_cast<int>(i));
    }
  }
  result.seconds = seconds_;
  result.late_rate = late_seconds > 0 ? static_cast<double>(late_tokens) / late_seconds : 0;
  result.claimed = controller_.seconds_saved();
  result.why_off = controller_.why_off();
  result.explain = controller_.explain();
  return result;
}

}  // namespace

SimulationResult simulate(const SimulationOptions& options, CostTable* costs, AcceptanceTable* acceptance) {
  Simulation simulation(options, costs, acceptance);
  SimulationResult result = simulation.run();
  if (costs != nullptr) costs->restore(simulation.controller().costs().data());
  if (acceptance != nullptr) acceptance->restore(simulation.controller().acceptance().sources());
  return result;
}

std::vector<SimulatedMachine> simulated_machines() {
  const auto dense = [](int) { return 1.0; };
  const auto b35 = reading(1.94, 1.007, 8, 256, 0, 0), b80 = reading(2.05, 1.51, 10, 512, 0, 0);
  return {
      {"dense", 0.05, [](int rows) { return 1 + 0.01 * (rows - 1); }, 0, 0.05, dense},
      {"35b", 0.02, reading(1.94, 1.007, 8, 256, 0), 0, 0.045, b35},
      {"35b-full-head", 0.02, reading(1.94, 1.007, 8, 256, 0), 0, 0.19, b35},
      {"35b-overlap", 0.02, reading(2.06, 0.57, 8, 256, 0.31), 0, 0.045, b35},
      {"80b", 0.1, reading(2.05, 1.51, 10, 512, 0), 0, 0.107, b80},
      {"offload", 0.1, reading(0.05, 1, 8, 256, 0), 0.05, 0.05, b35},
      {"absurd", 0.02, [](int rows) { return rows == 1 ? 1.0 : 1.5 * rows; }, 0, 0.1},
      {"pocket", 0.0005, [](int rows) { return 1 + 0.25 * (rows - 1); }, 0.1, 0.2, dense},
      {"pocket-flat", 0.0005, [](int rows) { return 1 + 0.06 * (rows - 1); }, 0.05, 0.15},
      {"stairs", 0.01,
       [](int rows) { return rows == 1   ? 1.0
                             : rows <= 4 ? 1.5
                             : rows <= 8 ? 1.7
                                         : 0.25 * rows; }, 0, 0.05},
  };
}

std::vector<SimulatedText> simulated_texts() {
  std::vector<SimulatedText> texts;
  for (const double rate : {0.0, 0.3, 0.6, 0.9, 1.0}) {
    std::string name = "rate ";
    name += std::to_string(rate).substr(0, 3);
    texts.push_back({name, true, [rate](const TextState&) { return rate; }});
  }
  for (const int64_t period : {64, 400, 1600})
    texts.push_back({"regimes of " + std::to_string(period), false,
                     [period](const TextState& s) { return s.position / period % 2 == 0 ? 0.9 : 0.05; }});
  for (const int64_t trusted : {1, 4, 20})
    texts.push_back({"good until trusted " + std::to_string(trusted), false,
                     [trusted](const TextState& s) { return s.drafted_in_a_row < trusted ? 1.0 : 0.0; }});
  texts.push_back(
      {"bad when asked", false, [](const TextState& s) { return s.plain_in_a_row > 3 ? 1.0 : 0.0; }});
  for (const int64_t period : {8, 16})
    texts.push_back({"right every " + std::to_string(period), false,
                     [period](const TextState& s) { return s.position % period == 0 ? 1.0 : 0.0; }});
  texts.push_back(
      {"only the second", false, [](const TextState& s) { return s.position % 2 == 0 ? 1.0 : 0.0; }});
  return texts;
}

}  // namespace gannet
