#include "grammar/grammar.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace gannet {

Grammar::Grammar() {
  exprs_.push_back({.kind = ExprKind::kEmpty});
  exprs_.push_back({.kind = ExprKind::kNothing});
}

ExprId Grammar::add(Expr e) {
  exprs_.push_back(e);
  return static_cast<ExprId>(exprs_.size() - 1);
}

ExprId Grammar::bytes(const ByteSet& set) {
  if (set.none()) return nothing();
  sets_.push_back(set);
  return add({.kind = ExprKind::kBytes, .first = static_cast<uint32_t>(sets_.size() - 1)});
}

ExprId Grammar::literal(std::string_view text) {
  if (text.empty()) return empty();
  const auto at = static_cast<uint32_t>(texts_.size());
  texts_ += text;
  return add({.kind = ExprKind::kLiteral, .first = at, .count = static_cast<uint32_t>(text.size())});
}

ExprId Grammar::chars(const CodePointSet& set) {
  // Sequences that differ in the first byte only become one.
  std::map<std::vector<std::pair<uint8_t, uint8_t>>, ByteSet> by_tail;
  for (const Utf8Range& range : utf8_ranges(set)) {
    std::vector<std::pair<uint8_t, uint8_t>> tail;
    for (int i = 1; i < range.length; ++i)
      tail.emplace_back(range.low[static_cast<size_t>(i)], range.high[static_cast<size_t>(i)]);
    ByteSet& lead = by_tail[tail];
    for (int b = range.low[0]; b <= range.high[0]; ++b) lead.set(static_cast<size_t>(b));
  }
  std::vector<ExprId> choices;
  for (const auto& [tail, lead] : by_tail) {
    std::vector<ExprId> parts = {bytes(lead)};
    for (const auto& [low, high] : tail) {
      ByteSet next;
      for (int b = low; b <= high; ++b) next.set(static_cast<size_t>(b));
      parts.push_back(bytes(next));
    }
    choices.push_back(sequence(parts));
  }
  return choice(choices);
}

ExprId Grammar::combine(ExprKind kind, std::span<const ExprId> parts) {
  Expr e{.kind = kind,
         .first = static_cast<uint32_t>(parts_.size()),
         .count = static_cast<uint32_t>(parts.size())};
  uint16_t below = 0;
  for (const ExprId part : parts) below = std::max(below, exprs_[part].height);
  e.height = static_cast<uint16_t>(std::min<int>(below + 1, UINT16_MAX));
  parts_.insert(parts_.end(), parts.begin(), parts.end());
  return add(e);
}

ExprId Grammar::sequence(std::span<const ExprId> parts) {
  std::vector<ExprId> kept;
  for (const ExprId part : parts) {
    if (part == nothing()) return nothing();
    if (part != empty()) kept.push_back(part);
  }
  if (kept.empty()) return empty();
  return kept.size() == 1 ? kept[0] : combine(ExprKind::kSequence, kept);
}

ExprId Grammar::choice(std::span<const ExprId> parts) {
  std::vector<ExprId> kept;
  for (const ExprId part : parts)
    if (part != nothing()) kept.push_back(part);
  if (kept.empty()) return nothing();
  return kept.size() == 1 ? kept[0] : combine(ExprKind::kChoice, kept);
}

ExprId Grammar::pair(ExprKind kind, ExprId a, ExprId b) {
  const ExprId parts[] = {a, b};
  return combine(kind, parts);
}

ExprId Grammar::repeat(ExprId what, uint32_t min, uint32_t max) {
  GANNET_CHECK(min <= max);
  if (max == 0 || what == empty()) return empty();
  if (what == nothing()) return min == 0 ? empty() : nothing();
  if (min == 1 && max == 1) return what;
  const uint16_t height = static_cast<uint16_t>(std::min<int>(exprs_[what].height + 1, UINT16_MAX));
  return add({.kind = ExprKind::kRepeat, .height = height, .first = what, .count = min, .max = max});
}

ExprId Grammar::token_text(std::string_view text) {
  const std::string marked = static_cast<char>(kControlMark) + std::string(text);
  const ExprId choices[] = {literal(text), literal(marked)};
  return choice(choices);
}

RuleId Grammar::add_rule(std::string name, RuleUse use) {
  rules_.push_back({.name = std::move(name), .use = use});
  return static_cast<RuleId>(rules_.size() - 1);
}

ExprId Grammar::rule(RuleId rule) {
  return add({.kind = ExprKind::kRule, .first = rule});
}

RuleId Grammar::import(const Grammar& other) {
  const auto first_rule = static_cast<RuleId>(rules_.size());
  const auto first_expr = static_cast<ExprId>(exprs_.size());
  const auto first_part = static_cast<uint32_t>(parts_.size());
  const auto first_set = static_cast<uint32_t>(sets_.size());
  const auto first_text = static_cast<uint32_t>(texts_.size());
  const auto renumbered = [&](ExprId id) { return id < 2 ? id : id - 2 + first_expr; };
  for (size_t i = 2; i < other.exprs_.size(); ++i) {
    Expr e = other.exprs_[i];
    switch (e.kind) {
      case ExprKind::kEmpty:
      case ExprKind::kNothing:
        break;
      case ExprKind::kBytes:
        e.first += first_set;
        break;
      case ExprKind::kLiteral:
        e.first += first_text;
        break;
      case ExprKind::kRepeat:
        e.first = renumbered(e.first);
        break;
      case ExprKind::kRule:
        e.first += first_rule;
        break;
      case ExprKind::kSequence:
      case ExprKind::kChoice:
      case ExprKind::kBoth:
      case ExprKind::kExcept:
        e.first += first_part;
        break;
    }
    exprs_.push_back(e);
  }
  for (const ExprId part : other.parts_) parts_.push_back(renumbered(part));
  sets_.insert(sets_.end(), other.sets_.begin(), other.sets_.end());
  texts_ += other.texts_;
  for (Rule rule : other.rules_) {
    rule.body = renumbered(rule.body);
    rules_.push_back(std::move(rule));
  }
  return other.root_ + first_rule;
}

size_t Grammar::bytes_used() const {
  size_t names = 0;
  for (const Rule& rule : rules_) names += sizeof(Rule) + rule.name.size();
  return exprs_.size() * sizeof(Expr) + parts_.size() * sizeof(ExprId) + sets_.size() * sizeof(ByteSet) +
         texts_.size() + names;
}

}  // namespace gannet
