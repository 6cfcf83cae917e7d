#include "grammar/automaton.h"

#include <fmt/format.h>

#include <algorithm>

#include "grammar/nfa_builder.h"
#include "grammar/rule_facts.h"

namespace gannet {
namespace {

Error too_large(const std::string& what, size_t limit) {
  return Error(ErrorCode::kUsage,
               fmt::format("the grammar is too large: {} (limit {}); shorten it, or lower the bounds "
                           "of its repeats",
                           what, limit));
}

Result<void> check_size(const Grammar& g, const AutomatonLimits& limits) {
  if (g.rules().size() > limits.rules)
    return too_large(fmt::format("{} rules", g.rules().size()), limits.rules);
  if (g.n_exprs() > limits.expressions)
    return too_large(fmt::format("{} expressions", g.n_exprs()), limits.expressions);
  for (ExprId id = 0; id < g.n_exprs(); ++id)
    if (g.expr(id).height > limits.nesting)
      return too_large("expressions are nested too deep", static_cast<size_t>(limits.nesting));
  return {};
}

// Rules that match some text: backwards from the states that accept, over bytes and over calls of rules found
// so far.
std::vector<bool> find_productive(const std::vector<Dfa>& dfas) {
  std::vector<uint32_t> begins = {0};
  for (const Dfa& dfa : dfas) begins.push_back(begins.back() + static_cast<uint32_t>(dfa.states.size()));
  const size_t n = begins.back();
  struct Step {
    uint32_t from;
    uint32_t missing;  // states that must reach an end before `from` does
  };
  std::vector<Step> steps;
  std::vector<std::vector<uint32_t>> needed_by(n);  // steps
  std::vector<uint32_t> todo;
  std::vector<bool> ends(n);
  const auto found = [&](uint32_t s) {
    if (ends[s]) return;
    ends[s] = true;
    todo.push_back(s);
  };
  for (size_t r = 0; r < dfas.size(); ++r)
    for (uint32_t i = 0; i < dfas[r].states.size(); ++i) {
      const uint32_t s = begins[r] + i;
      if (dfas[r].states[i].accept) found(s);
      for (const Dfa::Edge& e : dfas[r].states[i].edges) {
        needed_by[begins[r] + e.to].push_back(static_cast<uint32_t>(steps.size()));
        steps.push_back({s, 1});
      }
      for (const Dfa::Call& c : dfas[r].states[i].calls) {
        if (dfas[c.rule].empty()) continue;
        needed_by[begins[r] + c.to].push_back(static_cast<uint32_t>(steps.size()));
        needed_by[begins[c.rule]].push_back(static_cast<uint32_t>(steps.size()));
        steps.push_back({s, 2});
      }
    }
  while (!todo.empty()) {
    const uint32_t s = todo.back();
    todo.pop_back();
    for (const uint32_t step : needed_by[s])
      if (--steps[step].missing == 0) found(steps[step].from);
  }
  std::vector<bool> productive(dfas.size());
  for (size_t r = 0; r < dfas.size(); ++r) productive[r] = !dfas[r].empty() && ends[begins[r]];
  return productive;
}

}  // namespace

Result<std::shared_ptr<const Automaton>> Automaton::compile(const Grammar& source,
                                                            const AutomatonLimits& limits) {
  GANNET_TRY(check_size(source, limits));
  const Grammar g = with_split_repeats(source);
  const std::vector<RuleFacts> facts = GANNET_TRY(find_rule_facts(g));
  CompileBudget budget(limits.work);
  NfaBuilder builder(g, facts, &budget);

  // The root and what is called from there on, by number of the rule.
  std::vector<Dfa> dfas(g.rules().size());
  std::vector<RuleId> todo = {g.root()};
  std::vector<bool> wanted(g.rules().size());
  wanted[g.root()] = true;
  size_t n_states = 1;
  for (size_t i = 0; i < todo.size(); ++i) {
    Dfa dfa = GANNET_TRY(builder.rule(todo[i]));
    n_states += dfa.states.size();
    if (budget.exhausted() || n_states > limits.states)
      return too_large(fmt::format("the rule \"{}\" and those before it need more states than may be",
                                   g.rules()[todo[i]].name),
                       limits.states);
    for (const Dfa::State& s : dfa.states)
      for (const Dfa::Call& c : s.calls)
        if (!wanted[c.rule]) {
          wanted[c.rule] = true;
          todo.push_back(c.rule);
        }
    dfas[todo[i]] = std::move(dfa);
  }
  const std::vector<bool> productive = find_productive(dfas);
  if (!productive[g.root()])
    return Error(ErrorCode::kUsage,
                 "the grammar matches no text at all: every way through it needs something that "
                 "cannot be, or never ends");

  auto result = std::make_shared<Automaton>();
  result->states_.push_back({0, 0, false});  // kEnd
  std::vector<uint32_t> starts(dfas.size());
  uint32_t next = 1;
  for (const RuleId r : todo) {
    if (!productive[r]) continue;
    dfas[r] = trimmed(dfas[r], productive);
    starts[r] = next;
    next += static_cast<uint32_t>(dfas[r].states.size());
  }
  for (const RuleId r : todo) {
    if (!productive[r]) continue;
    for (const Dfa::State& s : dfas[r].states) {
      result->states_.push_back({static_cast<uint32_t>(result->edges_.size()),
                                 static_cast<uint32_t>(result->calls_.size()), s.accept});
      for (const Dfa::Edge& e : s.edges) result->edges_.push_back({e.low, e.high, starts[r] + e.to});
      for (const Dfa::Call& c : s.calls) result->calls_.push_back({starts[c.rule], starts[r] + c.to});
    }
  }
  result->states_.push_back(
      {static_cast<uint32_t>(result->edges_.size()), static_cast<uint32_t>(result->calls_.size()), false});
  result->start_ = starts[g.root()];
  result->find_classes();
  return std::shared_ptr<const Automaton>(std::move(result));
}

void Automaton::find_classes() {
  std::array<bool, 257> border{};
  for (const Edge& e : edges_) border[e.low] = border[e.high + 1u] = true;
  uint8_t current = 0;
  for (size_t b = 1; b < 256; ++b) {
    if (border[b]) ++current;
    classes_[b] = current;
  }
  n_classes_ = current + 1u;
}

size_t Automaton::bytes_used() const {
  return states_.size() * sizeof(State) + edges_.size() * sizeof(Edge) + calls_.size() * sizeof(Call);
}

}  // namespace gannet
