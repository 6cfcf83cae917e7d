// The bounds of the controller, in simulated decoding: what it may lose on any text, with any costs of steps,
// and what it must win where something can be won.
#include "speculation/simulator_for_test.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace gannet {
namespace {

struct Kind {
  const char* name;
  std::vector<SimulatedSource> sources;
};

std::vector<Kind> kinds() {
  const SimulatedSource model, knowing_model{.insight = 0.7};
  const SimulatedSource look_up{.looks_up = true, .most = 32};
  const SimulatedSource knowing_look_up{.looks_up = true, .most = 32, .offers = 0.4, .insight = 0.7};
  return {{"model", {model}},
          {"model that knows", {knowing_model}},
          {"look-up", {look_up}},
          {"look-up that knows", {knowing_look_up}},
          {"both", {knowing_look_up, look_up, knowing_model}}};
}

std::vector<SimulatedClock> clocks() {
  return {{}, {.sigma = 0.1, .spikes = 0.01}};
}

void expect_bounded(const SimulationResult& r, const std::string& what) {
  EXPECT_LE(r.seconds, 1.02 * r.plain_seconds + 0.020)
      << what << ": " << r.seconds / r.plain_seconds << " times plain steps\n"
      << r.explain;
}

// Calls f(options, name) for all machines and texts.
template <class F>
void for_all(const SimulationOptions& base, F&& f) {
  for (const SimulatedMachine& machine : simulated_machines())
    for (const SimulatedText& text : simulated_texts()) {
      SimulationOptions o = base;
      o.machine = machine;
      o.text = text;
      f(o, machine.name + ", " + text.name);
    }
}

TEST(Simulator, NoTextCostsMoreThanTheBound) {
  for (const Kind& kind : kinds())
    for (const SimulatedClock& clock : clocks())
      for_all({.sources = kind.sources, .clock = clock, .tokens = 2048},
              [&](const SimulationOptions& o, const std::string& what) {
                expect_bounded(simulate(o), std::string(kind.name) + ", " + what);
              });
}

TEST(Simulator, NeitherDoShortRuns) {
  for (const Kind& kind : kinds())
    for (const SimulatedClock& clock : {SimulatedClock{}, SimulatedClock{.sigma = 0.03, .spikes = 0.002}})
      for_all({.sources = kind.sources, .clock = clock, .tokens = 256}, [&](const SimulationOptions& o,
                                                                            const std::string& what) {
        if (!o.text.stationary) return;
        const SimulationResult r = simulate(o);
        EXPECT_LE(r.seconds, r.plain_seconds / 0.98) << kind.name << ", " << what << "\n" << r.explain;
      });
}

// What was measured on another text may be as wrong as it likes.
TEST(Simulator, NorDoProfilesOfOtherTexts) {
  for (const size_t learned : {0, 4})
    for_all({.clock = {.sigma = 0.05}, .tokens = 512}, [&](SimulationOptions o, const std::string& what) {
      SimulationOptions before = o;
      before.text = simulated_texts()[learned];
      before.tokens = 2048;
      before.seed = 2;
      CostTable costs;
      AcceptanceTable acceptance;
      simulate(before, &costs, &acceptance);
      expect_bounded(simulate(o, &costs, &acceptance), what + ", learned from " + before.text.name);
    });
}

TEST(Simulator, NorDoesAMachineWhoseSpeedDrifts) {
  for (const double period : {600.0, 5000.0})
    for_all({.tokens = 4096}, [&](SimulationOptions o, const std::string& what) {
      const double seconds = period * o.machine.step;
      o.clock.drift = [seconds](double t) { return 1.3 + 0.3 * std::sin(2 * M_PI * t / seconds); };
      expect_bounded(simulate(o), what + ", drift");
    });
}

TEST(Simulator, NorDoManyShortRequests) {
  for_all({.clock = {.sigma = 0.05}, .tokens = 2048, .request_tokens = 50},
          [&](const SimulationOptions& o, const std::string& what) { expect_bounded(simulate(o), what); });
}

TEST(Simulator, NorDoSourcesThatAreCostlyToKeepUp) {
  std::vector<SimulatedSource> sources = kinds().back().sources;
  for (SimulatedSource& source : sources) source.upkeep = 0.02;
  for_all({.sources = sources, .clock = {.sigma = 0.05}, .tokens = 2048},
          [&](const SimulationOptions& o, const std::string& what) { expect_bounded(simulate(o), what); });
}

TEST(Simulator, NorDoFixedLengthsUnderTheGuard) {
  for_all({.tokens = 4096, .choose = false}, [&](const SimulationOptions& o, const std::string& what) {
    // One draft of 16 tokens may be wrong before anything is known.
    const double one =
        o.machine.step * (o.machine.ratio(17) + o.machine.per_draft + 16 * o.machine.per_token);
    const SimulationResult r = simulate(o);
    EXPECT_LE(r.seconds, 1.02 * r.plain_seconds + 0.020 + one) << what;
  });
}

TEST(Simulator, ManySequencesNeverLose) {
  for (const int n : {2, 4, 8})
    for (const Kind& kind : {kinds()[0], kinds()[4]})
      for_all({.sources = kind.sources, .n_sequences = n, .tokens = 256},
              [&](const SimulationOptions& o, const std::string& what) {
                const SimulationResult r = simulate(o);
                EXPECT_LE(r.seconds, r.plain_seconds / 0.98)
                    << n << " sequences, " << kind.name << ", " << what << "\n"
                    << r.explain;
              });
}

TEST(Simulator, ManySequencesNeverLoseOnANoisyMachine) {
  for (const int n : {4, 8})
    for_all({.sources = kinds().back().sources, .clock = clocks().back(), .n_sequences = n, .tokens = 1024},
            [&](const SimulationOptions& o, const std::string& what) {
              const SimulationResult r = simulate(o);
              EXPECT_LE(r.seconds, r.plain_seconds / 0.98) << n << " sequences, " << what << "\n"
                                                           << r.explain;
            });
}

double best_fixed_rate(SimulationOptions o) {
  o.clock = {};
  o.settle_rounds = 0;
  double best = 0;
  for (o.fixed = 0; o.fixed <= o.sources[0].most; ++o.fixed) best = std::max(best, simulate(o).late_rate);
  return best;
}

// Stationary texts: nearly as good as the best fixed length, which nobody knows before.
void expect_near_best(const std::vector<SimulatedSource>& sources, const SimulatedClock& clock, int n_seeds) {
  for_all({.sources = sources, .tokens = 8192}, [&](SimulationOptions o, const std::string& what) {
    if (!o.text.stationary) return;
    // Drafts of one token hardly pay where the second row costs as much as three more: it takes longer to
    // find out. And where only long drafts pay, which may lose many steps, it takes long until one may be
    // made.
    if (o.machine.name == "stairs" || (o.machine.name == "offload" && o.text.name == "rate 1.0")) return;
    double reached = 0;
    for (int seed = 1; seed <= n_seeds; ++seed) {
      o.seed = static_cast<uint64_t>(seed);
      const double best = best_fixed_rate(o);
      o.clock = clock;
      reached += simulate(o).late_rate / best / n_seeds;
      o.clock = {};
    }
    EXPECT_GE(reached, 0.95) << what;
  });
}

TEST(Simulator, AModelsDraftsAreNearlyAsGoodAsTheBestLength) {
  expect_near_best({{}}, {}, 1);
}
TEST(Simulator, SoAreThoseOfAModelThatKnows) {
  expect_near_best({{.insight = 0.7}}, {}, 1);
}
TEST(Simulator, SoAreLookedUpOnes) {
  expect_near_best({{.looks_up = true, .most = 32, .offers = 0.4, .insight = 0.7}}, {}, 1);
}
TEST(Simulator, SoTheyAreOnANoisyMachine) {
  expect_near_best({{}}, {.sigma = 0.1, .spikes = 0.01}, 2);
}

TEST(Simulator, AProfileSavesTheLearning) {
  double cold = 0, warm = 0, best = 0;  // plain steps
  for (const uint64_t seed : {1, 2, 3, 4})
    for_all({.tokens = 256, .seed = seed}, [&](SimulationOptions o, const std::string&) {
      if (o.text.name != "rate 0.9" || o.machine.name == "offload" || o.machine.name == "absurd") return;
      SimulationOptions before = o;
      before.tokens = 4096;
      before.seed = seed + 10;
      CostTable costs;
      AcceptanceTable acceptance;
      simulate(before, &costs, &acceptance);
      cold += simulate(o).seconds / o.machine.step;
      warm += simulate(o, &costs, &acceptance).seconds / o.machine.step;
      best += static_cast<double>(o.tokens) / best_fixed_rate(o) / o.machine.step;
    });
  EXPECT_LT(warm, 0.98 * cold);
  EXPECT_LT(warm, 1.1 * best);
}

TEST(Simulator, GoodTextAfterBadIsFound) {
  for_all({.tokens = 8192}, [&](SimulationOptions o, const std::string& what) {
    if (o.text.name != "rate 0.9" || o.machine.name == "offload" || o.machine.name == "absurd") return;
    o.text.rate = [](const TextState& s) { return s.position < 2048 ? 0.0 : 0.9; };
    const double plain_part = 2048 * o.machine.step;
    const SimulationResult r = simulate(o);
    SimulationOptions good = o;
    good.tokens = 6144;
    good.text.rate = [](const TextState&) { return 0.9; };
    const double best = 6144 / best_fixed_rate(good);
    EXPECT_LT(r.seconds, 1.02 * plain_part + 1.15 * best) << what;
  });
}

TEST(Simulator, SecondsSavedAreThoseOfTheClock) {
  for_all({.tokens = 4096}, [&](const SimulationOptions& o, const std::string& what) {
    const SimulationResult r = simulate(o);
    EXPECT_NEAR(r.claimed, r.plain_seconds - r.seconds, 0.01 * r.plain_seconds) << what;
  });
}

}  // namespace
}  // namespace gannet
