// Expressions written as nondeterministic automata (Thompson 1968), with other rules called, copied or
// linked.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "grammar/dfa.h"
#include "grammar/rule_facts.h"

namespace gannet {

class NfaBuilder {
 public:
  NfaBuilder(const Grammar& grammar, std::span<const RuleFacts> facts, CompileBudget* budget)
      : g_(grammar), facts_(facts), budget_(budget) {}

  // Errors (kUsage): a recursive rule where only regular ones can be (kBoth, kExcept).
  Result<Dfa> rule(RuleId rule);
  // Without calls: every rule is copied.
  Result<Dfa> regular(ExprId expr);

 private:
  // A part of the automaton that ends in `end`: rules that come last in it are built once and linked.
  struct Frame {
    uint32_t end;
    std::map<RuleId, uint32_t> starts;
    std::vector<RuleId> pending;
    std::vector<RuleId> active;  // rules that are being written around it
  };
  struct Machine {
    Nfa nfa;
    bool calls_allowed;
  };

  void build(Machine* m, Frame* frame, ExprId id, uint32_t from, uint32_t to, bool last);
  void build_rule(Machine* m, Frame* frame, RuleId rule, uint32_t from, uint32_t to, bool last);
  void build_repeat(Machine* m, Frame* frame, const Grammar::Expr& e, uint32_t from, uint32_t to, bool last);
  void build_pending(Machine* m, Frame* frame);
  void embed(Machine* m, ExprId id, uint32_t from, uint32_t to);
  Result<Dfa> finish(Machine* m);

  const Grammar& g_;
  std::span<const RuleFacts> facts_;
  CompileBudget* budget_;
  std::map<ExprId, Dfa> products_;  // of kBoth and kExcept
  std::set<ExprId> in_work_;
  std::string problem_;  // the first error
};

// What an expression without recursion matches, for questions that notations ask about parts of themselves.
Result<Dfa> dfa_of(const Grammar& grammar, ExprId expr, CompileBudget* budget);

}  // namespace gannet
