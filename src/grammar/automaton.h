// A compiled grammar: a deterministic automaton over bytes for each rule, whose states may call other rules
// and so need a stack (a recursive transition network, Woods 1970). Must not know: how stacks are kept
// (stack_table.h).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"

namespace gannet {

struct AutomatonLimits {
  size_t rules = 50'000;
  size_t expressions = 1'000'000;
  int nesting = 1000;         // of expressions
  uint64_t work = 5'000'000;  // steps of the compile, about 0.1 us each
  size_t states = 300'000;
};

// Immutable; safe to share between threads. Every state can be reached and can reach an end.
class Automaton {
 public:
  struct Edge {
    uint8_t low, high;  // bytes
    uint32_t to;
  };
  struct Call {
    uint32_t start;  // of the rule
    uint32_t to;     // where it returns to
  };
  static constexpr uint32_t kEnd = 0;  // the state behind the whole text: reads nothing

  // Errors (kUsage): a grammar that is too large, nested or costly, a rule that begins with itself, recursion
  // where it cannot be, no text at all that matches.
  static Result<std::shared_ptr<const Automaton>> compile(const Grammar& grammar,
                                                          const AutomatonLimits& limits = {});

  uint32_t start() const { return start_; }
  uint32_t n_states() const { return static_cast<uint32_t>(states_.size()) - 1; }
  std::span<const Edge> edges(uint32_t s) const {
    return std::span(edges_).subspan(states_[s].edge, states_[s + 1].edge - states_[s].edge);
  }
  std::span<const Call> calls(uint32_t s) const {
    return std::span(calls_).subspan(states_[s].call, states_[s + 1].call - states_[s].call);
  }
  bool accepts(uint32_t s) const { return states_[s].accepts; }  // its rule may end here
  // Where a byte leads from here; kEnd: nowhere.
  uint32_t next(uint32_t s, uint8_t byte) const {
    for (const Edge& e : edges(s))
      if (byte <= e.high) return e.low <= byte ? e.to : kEnd;
    return kEnd;
  }

  // Bytes of one class lead to the same state, whatever the state.
  uint32_t byte_class(uint8_t byte) const { return classes_[byte]; }
  uint32_t n_classes() const { return n_classes_; }

  size_t bytes_used() const;

 private:
  struct State {
    uint32_t edge, call;  // the first of its own
    bool accepts;
  };
  void find_classes();

  std::vector<State> states_;  // and one behind the last
  std::vector<Edge> edges_;
  std::vector<Call> calls_;
  std::array<uint8_t, 256> classes_{};
  uint32_t n_classes_ = 1;
  uint32_t start_ = 0;
};

}  // namespace gannet
