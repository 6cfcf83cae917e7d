#include "grammar/nfa_builder.h"

#include <fmt/format.h>

#include <algorithm>

namespace gannet {

Result<Dfa> NfaBuilder::rule(RuleId rule) {
  Machine m{.nfa = {}, .calls_allowed = true};
  Frame frame{.end = m.nfa.accept, .starts = {{rule, m.nfa.start}}, .pending = {rule}, .active = {}};
  build_pending(&m, &frame);
  return finish(&m);
}

Result<Dfa> NfaBuilder::regular(ExprId expr) {
  Machine m{.nfa = {}, .calls_allowed = false};
  Frame frame{.end = m.nfa.accept, .starts = {}, .pending = {}, .active = {}};
  build(&m, &frame, expr, m.nfa.start, m.nfa.accept, true);
  build_pending(&m, &frame);
  return finish(&m);
}

Result<Dfa> NfaBuilder::finish(Machine* m) {
  if (!problem_.empty()) return Error(ErrorCode::kUsage, problem_);
  if (budget_->exhausted()) return Dfa{};
  return determinise(m->nfa, budget_);
}

void NfaBuilder::build_pending(Machine* m, Frame* frame) {
  while (!frame->pending.empty()) {
    const RuleId rule = frame->pending.back();
    frame->pending.pop_back();
    frame->active.push_back(rule);
    build(m, frame, g_.rules()[rule].body, frame->starts[rule], frame->end, true);
    frame->active.pop_back();
  }
}

void NfaBuilder::build(Machine* m, Frame* frame, ExprId id, uint32_t from, uint32_t to, bool last) {
  if (!problem_.empty() || !budget_->spend(1)) return;
  const Grammar::Expr& e = g_.expr(id);
  switch (e.kind) {
    case ExprKind::kNothing:
      break;
    case ExprKind::kEmpty:
      m->nfa.join(from, to);
      break;
    case ExprKind::kBytes: {
      const ByteSet& set = g_.byte_set(e);
      for (size_t b = 0; b < 256; ++b) {
        if (!set[b]) continue;
        size_t high = b;
        while (high < 255 && set[high + 1]) ++high;
        m->nfa.read(from, static_cast<uint8_t>(b), static_cast<uint8_t>(high), to);
        b = high;
      }
      break;
    }
    case ExprKind::kLiteral: {
      const std::string_view text = g_.text(e);
      budget_->spend(text.size());
      for (size_t i = 0; i < text.size(); ++i) {
        const uint32_t next = i + 1 == text.size() ? to : m->nfa.add_state();
        m->nfa.read(from, static_cast<uint8_t>(text[i]), static_cast<uint8_t>(text[i]), next);
        from = next;
      }
      break;
    }
    case ExprKind::kSequence: {
      const auto parts = g_.parts(e);
      for (size_t i = 0; i < parts.size(); ++i) {
        const bool at_end = i + 1 == parts.size();
        const uint32_t next = at_end ? to : m->nfa.add_state();
        build(m, frame, parts[i], from, next, last && at_end);
        from = next;
      }
      break;
    }
    case ExprKind::kChoice:
      for (const ExprId part : g_.parts(e)) build(m, frame, part, from, to, last);
      break;
    case ExprKind::kRepeat:
      build_repeat(m, frame, e, from, to, last);
      break;
    case ExprKind::kRule:
      build_rule(m, frame, e.first, from, to, last);
      break;
    case ExprKind::kBoth:
    case ExprKind::kExcept:
      embed(m, id, from, to);
      break;
  }
}

void NfaBuilder::build_repeat(Machine* m, Frame* frame, const Grammar::Expr& e, uint32_t from, uint32_t to,
                              bool last) {
  for (uint32_t i = 0; i < e.count; ++i) {
    if (!problem_.empty() || budget_->exhausted()) return;
    const bool at_end = i + 1 == e.count && e.max == e.count;
    const uint32_t next = at_end ? to : m->nfa.add_state();
    build(m, frame, e.first, from, next, last && at_end);
    from = next;
  }
  if (e.max == kUnbounded) {
    const uint32_t loop = m->nfa.add_state();  // nothing but the repeat comes back to it
    m->nfa.join(from, loop);
    build(m, frame, e.first, loop, loop, false);
    m->nfa.join(loop, to);
    return;
  }
  for (uint32_t i = e.count; i < e.max; ++i) {
    if (!problem_.empty() || budget_->exhausted()) return;
    m->nfa.join(from, to);
    const uint32_t next = i + 1 == e.max ? to : m->nfa.add_state();
    build(m, frame, e.first, from, next, last && i + 1 == e.max);
    from = next;
  }
}

void NfaBuilder::build_rule(Machine* m, Frame* frame, RuleId rule, uint32_t from, uint32_t to, bool last) {
  const RuleFacts& facts = facts_[rule];
  if (last && (facts.linked || !m->calls_allowed)) {
    const auto [it, is_new] = frame->starts.try_emplace(rule, 0);
    if (is_new) {
      it->second = m->nfa.add_state();
      frame->pending.push_back(rule);
    }
    m->nfa.join(from, it->second);
    return;
  }
  if (m->calls_allowed && !facts.copied) {
    m->nfa.call(from, rule, to);
    return;
  }
  // A copy. Its nesting is that of the rules, which is not recursive, but may be deep.
  constexpr size_t kDeepest = 200;
  if (std::ranges::find(frame->active, rule) != frame->active.end() || frame->active.size() > kDeepest) {
    if (m->calls_allowed) {
      m->nfa.call(from, rule, to);
      return;
    }
    problem_ = fmt::format(
        "the rule \"{}\" is recursive (or nested too deep), so it cannot be combined with another by "
        "\"both\" or \"except\"",
        g_.rules()[rule].name);
    return;
  }
  Frame inner{.end = to, .starts = {}, .pending = {}, .active = frame->active};
  inner.starts[rule] = from;
  inner.pending.push_back(rule);
  if (m->calls_allowed) {
    // A rule that is copied is not recursive: its start is its own only if nothing comes back to it.
    inner.starts.clear();
    inner.pending.clear();
    inner.active.push_back(rule);
    build(m, &inner, g_.rules()[rule].body, from, to, true);
  } else {
    const uint32_t start = m->nfa.add_state();
    m->nfa.join(from, start);
    inner.starts[rule] = start;
  }
  build_pending(m, &inner);
}

void NfaBuilder::embed(Machine* m, ExprId id, uint32_t from, uint32_t to) {
  if (!products_.contains(id)) {
    if (!in_work_.insert(id).second) {
      problem_ =
          "a rule uses itself within \"both\" or \"except\", so these are recursive and cannot be combined";
      return;
    }
    const Grammar::Expr& e = g_.expr(id);
    const ExprId a = g_.parts(e)[0], b = g_.parts(e)[1];
    auto left = regular(a);
    if (!left.ok()) return;  // problem_ says why
    auto right = regular(b);
    if (!right.ok()) return;
    products_[id] = combine(*left, *right, e.kind == ExprKind::kBoth, budget_);
  }
  const Dfa& dfa = products_[id];
  if (dfa.empty()) return;
  const uint32_t first = m->nfa.n_states;
  m->nfa.n_states += static_cast<uint32_t>(dfa.states.size());
  m->nfa.join(from, first);
  for (uint32_t s = 0; s < dfa.states.size(); ++s) {
    budget_->spend(1 + dfa.states[s].edges.size());
    for (const Dfa::Edge& edge : dfa.states[s].edges)
      m->nfa.read(first + s, edge.low, edge.high, first + edge.to);
    if (dfa.states[s].accept) m->nfa.join(first + s, to);
  }
}

Result<Dfa> dfa_of(const Grammar& grammar, ExprId expr, CompileBudget* budget) {
  const std::vector<RuleFacts> facts = GANNET_TRY(find_rule_facts(grammar));
  Dfa dfa = GANNET_TRY(NfaBuilder(grammar, facts, budget).regular(expr));
  if (budget->exhausted()) return Error(ErrorCode::kUsage, "it needs too many states");
  return trimmed(dfa, {});
}

}  // namespace gannet
