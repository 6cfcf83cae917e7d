// Automata of one rule: the nondeterministic one that an expression is written as, and the deterministic one
// made of it. Both read bytes, and call other rules.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"

namespace gannet {

// What compiling one grammar may cost. Whoever does work in a loop spends; when there is nothing left all of
// them stop early, and the whole compile fails.
class CompileBudget {
 public:
  explicit CompileBudget(uint64_t work) : left_(work) {}
  bool spend(uint64_t work) {
    if (left_ < work) exhausted_ = true;
    left_ -= exhausted_ ? left_ : work;
    return !exhausted_;
  }
  bool exhausted() const { return exhausted_; }

 private:
  uint64_t left_;
  bool exhausted_ = false;
};

struct Nfa {
  enum class Label : uint8_t { kNone, kBytes, kCall };
  struct Edge {
    uint32_t from, to;
    Label label;
    uint8_t low, high;  // kBytes
    RuleId rule;        // kCall
  };
  uint32_t n_states = 2;
  uint32_t start = 0, accept = 1;
  std::vector<Edge> edges;

  uint32_t add_state() { return n_states++; }
  void join(uint32_t from, uint32_t to) { edges.push_back({from, to, Label::kNone, 0, 0, 0}); }
  void read(uint32_t from, uint8_t low, uint8_t high, uint32_t to) {
    edges.push_back({from, to, Label::kBytes, low, high, 0});
  }
  void call(uint32_t from, RuleId rule, uint32_t to) {
    edges.push_back({from, to, Label::kCall, 0, 0, rule});
  }
};

// State 0 is the start. No states: no text at all.
struct Dfa {
  struct Edge {
    uint8_t low, high;
    uint32_t to;
  };
  struct Call {
    RuleId rule;
    uint32_t to;
  };
  struct State {
    std::vector<Edge> edges;  // ascending, disjoint
    std::vector<Call> calls;  // ascending, one per rule
    bool accept = false;
  };
  std::vector<State> states;

  bool empty() const { return states.empty(); }
  bool matches(std::string_view text) const;  // for automata without calls
};

// Deterministic in bytes; calls stay choices.
Dfa determinise(const Nfa& nfa, CompileBudget* budget);

// Of automata without calls: the texts of both, or those of the first that are not of the second.
Dfa combine(const Dfa& a, const Dfa& b, bool both, CompileBudget* budget);

// Without the states that the start does not reach and those that reach no end; calls of rules that
// `productive` denies count as missing.
Dfa trimmed(const Dfa& dfa, const std::vector<bool>& productive);

}  // namespace gannet
