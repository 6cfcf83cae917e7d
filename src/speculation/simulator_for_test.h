// A machine, a text and drafters that are only numbers, decoded in rounds by the real controller: what its
// choices cost and give. Deterministic.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "speculation/controller.h"

namespace gannet {

struct SimulatedMachine {
  std::string name;
  double step = 0.02;                     // seconds of a step of one row
  std::function<double(int)> ratio;       // V(T)/V(1)
  double per_draft = 0, per_token = 0.1;  // of a source with a model, in steps of one row
  std::function<double(int)> guess = {};  // of `ratio`; none: nothing is known before it is measured
};

// What decides whether drafts are right. Adversaries look at what the controller did.
struct TextState {
  int64_t position = 0;
  int64_t rounds = 0;
  int64_t drafted_in_a_row = 0, plain_in_a_row = 0;  // rounds until now
};
struct SimulatedText {
  std::string name;
  bool stationary = true;
  // The chance that a drafted token for this position is right.
  std::function<double(const TextState&)> rate;
};

struct SimulatedSource {
  bool looks_up = false;
  int most = 16;
  double offers = 1;  // part of positions at which it has anything
  // How much the confidence of a token says of its chance: 0: nothing (it is always 0.8), 1: it is that
  // chance.
  double insight = 0;
  double rate_factor = 1;  // its chance beside that of the text
  double upkeep = 0;       // of every round in which it is wanted, in steps of one row
};

struct SimulatedClock {
  double sigma = 0;   // of a log-normal factor
  double spikes = 0;  // part of rounds that take spike times as long
  double spike = 5;
  std::function<double(double seconds)> drift = {};  // factor of all times; none: 1
};

struct SimulationOptions {
  SimulatedMachine machine = {};
  SimulatedText text = {};
  std::vector<SimulatedSource> sources = {{}};
  SimulatedClock clock = {};
  int n_sequences = 1;
  int64_t tokens = 4096;       // of each sequence
  int64_t request_tokens = 0;  // a new request begins after so many; 0: never
  int fixed = -1;              // no controller: drafts of the first source of this length
  bool choose = true, guard = true;
  uint64_t seed = 1;
  int64_t settle_rounds = 200;
};

struct SimulationResult {
  double seconds = 0;        // in all
  double plain_seconds = 0;  // plain steps for the same tokens, on the same machine with the same clock
  double worst_excess = 0;   // most that any moment was behind 1.02 times plain steps, seconds
  int64_t rounds = 0, tokens = 0, drafted_rounds = 0, verified = 0;
  double late_rate = 0;  // tokens per second of the true clock after settle_rounds
  double claimed = 0;    // seconds_saved()
  std::string why_off, explain;
};

// `costs`, `acceptance`: of earlier runs; when not null they are taken and given back.
SimulationResult simulate(const SimulationOptions& options, CostTable* costs = nullptr,
                          AcceptanceTable* acceptance = nullptr);

std::vector<SimulatedMachine> simulated_machines();
std::vector<SimulatedText> simulated_texts();

}  // namespace gannet
