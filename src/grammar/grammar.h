// A grammar over bytes: what all notations (GBNF, regular expressions, JSON Schema, tool calls) are
// translated to. Rules of sequences, alternatives, repeats, sets of bytes and sets of code points, which
// become the bytes of their UTF-8. Must not know: any notation but its own text form, vocabularies, how texts
// are recognised (automaton.h).
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "grammar/code_points.h"

namespace gannet {

using ByteSet = std::bitset<256>;
using ExprId = uint32_t;
using RuleId = uint32_t;

inline constexpr uint32_t kUnbounded = std::numeric_limits<uint32_t>::max();

// The byte before the text of a control token. It occurs in no UTF-8, so a grammar can tell the token
// <tool_call> from the same text spelled with ordinary tokens.
inline constexpr uint8_t kControlMark = 0xFF;

enum class ExprKind : uint8_t {
  kEmpty,     // the empty text
  kNothing,   // no text at all
  kBytes,     // one byte of a set
  kLiteral,   // these bytes
  kSequence,  // one after the other
  kChoice,    // one of them
  kRepeat,    // min to max times
  kRule,      // what the rule says
  kBoth,      // texts of both; neither may be recursive
  kExcept,    // texts of the first that are not of the second; neither may be recursive
};

// How a rule becomes part of an automaton. Only time and memory depend on it.
enum class RuleUse : uint8_t {
  kAuto,
  kCall,  // on its own: masks of its states are then shared by all places that use it
  kLink,  // a state of its user: for chains of rules that each end with the next one
};

// A value: expressions are numbers that are good within the grammar that made them. Copying copies all of it.
// Everything that makes an expression is cheap and never fails; what grew too large or too deep is found by
// Automaton::compile().
class Grammar {
 public:
  Grammar();

  ExprId empty() const { return 0; }
  ExprId nothing() const { return 1; }
  ExprId bytes(const ByteSet& set);
  ExprId literal(std::string_view text);
  ExprId chars(const CodePointSet& set);  // one code point of the set
  ExprId sequence(std::span<const ExprId> parts);
  ExprId sequence(std::initializer_list<ExprId> parts) {
    return sequence(std::span(parts.begin(), parts.size()));
  }
  ExprId choice(std::span<const ExprId> parts);
  ExprId choice(std::initializer_list<ExprId> parts) {
    return choice(std::span(parts.begin(), parts.size()));
  }
  ExprId repeat(ExprId what, uint32_t min, uint32_t max = kUnbounded);
  ExprId optional(ExprId what) { return repeat(what, 0, 1); }
  ExprId both(ExprId a, ExprId b) { return pair(ExprKind::kBoth, a, b); }
  ExprId except(ExprId a, ExprId b) { return pair(ExprKind::kExcept, a, b); }
  // The control token with this text, or the same text in ordinary tokens.
  ExprId token_text(std::string_view text);

  // A rule may be used before it is defined. Names are for messages and the text form; equal ones are told
  // apart.
  RuleId add_rule(std::string name, RuleUse use = RuleUse::kAuto);
  void define(RuleId rule, ExprId body) { rules_[rule].body = body; }
  ExprId rule(RuleId rule);
  void set_root(RuleId rule) { root_ = rule; }
  RuleId root() const { return root_; }

  // From now on `id` means what `with` means.
  void replace(ExprId id, ExprId with) { exprs_[id] = exprs_[with]; }

  // All rules of `other`; returns the rule that is its root.
  RuleId import(const Grammar& other);

  struct Expr {
    ExprKind kind;
    uint16_t height = 0;  // of the tree below it, saturating
    uint32_t first =
        0;  // kBytes, kRule: which; kLiteral, kSequence, kChoice, kBoth, kExcept: where; kRepeat: what
    uint32_t count = 0;  // of bytes or parts; kRepeat: min
    uint32_t max = 0;    // kRepeat
  };
  struct Rule {
    std::string name;
    ExprId body = 1;  // kNothing until it is defined
    RuleUse use = RuleUse::kAuto;
  };

  const Expr& expr(ExprId id) const { return exprs_[id]; }
  size_t n_exprs() const { return exprs_.size(); }
  std::span<const Rule> rules() const { return rules_; }
  std::span<const ExprId> parts(const Expr& e) const { return std::span(parts_).subspan(e.first, e.count); }
  std::string_view text(const Expr& e) const { return std::string_view(texts_).substr(e.first, e.count); }
  const ByteSet& byte_set(const Expr& e) const { return sets_[e.first]; }
  size_t bytes_used() const;  // memory, about

  // In the notation of GBNF with two more signs (`&` both, `-` except); sets are of bytes. For people and
  // tests.
  std::string to_text() const;

 private:
  ExprId add(Expr e);
  ExprId pair(ExprKind kind, ExprId a, ExprId b);
  ExprId combine(ExprKind kind, std::span<const ExprId> parts);

  std::vector<Expr> exprs_;
  std::vector<ExprId> parts_;
  std::vector<ByteSet> sets_;
  std::string texts_;
  std::vector<Rule> rules_;
  RuleId root_ = 0;
};

}  // namespace gannet
