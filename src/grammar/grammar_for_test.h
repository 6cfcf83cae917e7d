// What tests of grammars share: random small grammars, their languages by brute force, and texts read byte by
// byte.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/stack_table.h"

namespace gannet {

// Whether the grammar of the table has the text.
inline bool matches(StackTable* stacks, std::string_view text) {
  StackTable::Id config = stacks->start();
  for (const char c : text) config = stacks->next(config, static_cast<uint8_t>(c));
  return stacks->complete(config);
}

inline bool matches(const Grammar& grammar, std::string_view text) {
  StackTable stacks(Automaton::compile(grammar).take());
  return matches(&stacks, text);
}

// A grammar over the bytes a to c, made by a small machine that reads `program`.
inline Grammar grammar_of_program(const std::vector<uint8_t>& program) {
  constexpr RuleId kRules = 4;
  Grammar g;
  for (RuleId r = 0; r < kRules; ++r)
    g.add_rule("r" + std::to_string(r), r == 1 ? RuleUse::kCall : r == 2 ? RuleUse::kLink : RuleUse::kAuto);
  std::vector<ExprId> stack;
  std::vector<ExprId> defined[kRules];
  const auto pop = [&] {
    if (stack.empty()) return g.literal("a");
    const ExprId top = stack.back();
    stack.pop_back();
    return top;
  };
  for (const uint8_t op : program) {
    const uint32_t x = op / 12;
    switch (op % 12) {
      case 0:
        stack.push_back(g.literal(x % 4 == 0 ? "" : x % 4 == 1 ? "ab" : x % 4 == 2 ? "b" : "ca"));
        break;
      case 1: {
        ByteSet set;
        for (uint32_t b = 0; b < 3; ++b) set[b + 'a'] = (x >> b) & 1;
        stack.push_back(g.bytes(set));
        break;
      }
      case 2:
      case 3: {
        const ExprId b = pop(), a = pop();
        stack.push_back(g.sequence({a, b}));
        break;
      }
      case 4:
      case 5: {
        const ExprId b = pop(), a = pop();
        stack.push_back(g.choice({a, b}));
        break;
      }
      case 6:
        stack.push_back(g.repeat(pop(), x % 3, x % 2 ? kUnbounded : x % 3 + x % 5));
        break;
      case 7:
      case 8:
        stack.push_back(g.rule(x % kRules));
        break;
      case 9:
        defined[x % kRules].push_back(pop());
        break;
      case 10: {
        const ExprId b = pop(), a = pop();
        stack.push_back(g.both(a, b));
        break;
      }
      case 11: {
        const ExprId b = pop(), a = pop();
        stack.push_back(g.except(a, b));
        break;
      }
    }
  }
  defined[0].push_back(pop());
  for (RuleId r = 0; r < kRules; ++r) g.define(r, g.choice(defined[r]));
  return g;
}

// All texts of at most `length` bytes, by the definition of what each expression means.
class BruteForce {
 public:
  using Texts = std::set<std::string>;

  BruteForce(const Grammar& grammar, size_t length)
      : g_(grammar), length_(length), rules_(g_.rules().size()) {
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t r = 0; r < rules_.size(); ++r) {
        Texts now = texts(g_.rules()[r].body);
        if (now == rules_[r]) continue;
        rules_[r] = std::move(now);
        changed = true;
      }
    }
  }
  const Texts& texts() const { return rules_[g_.root()]; }

 private:
  Texts joined(const Texts& a, const Texts& b) const {
    Texts result;
    for (const std::string& x : a)
      for (const std::string& y : b)
        if (x.size() + y.size() <= length_) result.insert(x + y);
    return result;
  }

  Texts texts(ExprId id) const {
    const Grammar::Expr& e = g_.expr(id);
    Texts result;
    switch (e.kind) {
      case ExprKind::kNothing:
        break;
      case ExprKind::kEmpty:
        result = {""};
        break;
      case ExprKind::kLiteral:
        if (e.count <= length_) result = {std::string(g_.text(e))};
        break;
      case ExprKind::kBytes:
        for (size_t b = 0; b < 256; ++b)
          if (g_.byte_set(e)[b]) result.insert(std::string(1, static_cast<char>(b)));
        break;
      case ExprKind::kRule:
        result = rules_[e.first];
        break;
      case ExprKind::kSequence:
        result = {""};
        for (const ExprId part : g_.parts(e)) result = joined(result, texts(part));
        break;
      case ExprKind::kChoice:
        for (const ExprId part : g_.parts(e)) result.merge(texts(part));
        break;
      case ExprKind::kRepeat: {
        const Texts once = texts(e.first);
        Texts now = {""};
        for (uint32_t i = 0; i <= std::min<uint32_t>(e.max, e.count + static_cast<uint32_t>(length_)); ++i) {
          if (i >= e.count) result.insert(now.begin(), now.end());
          now = joined(now, once);
        }
        break;
      }
      case ExprKind::kBoth:
      case ExprKind::kExcept: {
        const Texts b = texts(g_.parts(e)[1]);
        for (const std::string& text : texts(g_.parts(e)[0]))
          if (b.contains(text) == (e.kind == ExprKind::kBoth)) result.insert(text);
        break;
      }
    }
    return result;
  }

  const Grammar& g_;
  size_t length_;
  std::vector<Texts> rules_;
};

}  // namespace gannet
