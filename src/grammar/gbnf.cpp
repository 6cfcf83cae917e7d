#include "grammar/gbnf.h"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "text/utf8.h"
#include "text/vocabulary.h"

namespace gannet {
namespace {

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

class GbnfParser {
 public:
  explicit GbnfParser(std::string_view text) : text_(text) {}

  Result<Grammar> parse() {
    if (text_.size() > kMaxGbnfBytes)
      return Error(ErrorCode::kUsage, fmt::format("a grammar of {} bytes is longer than the limit of {}",
                                                  text_.size(), kMaxGbnfBytes));
    if (const size_t valid = utf8_valid_prefix(text_); valid != text_.size()) {
      at_ = valid;
      return fail("the grammar is not valid UTF-8");
    }
    for (skip_space(true); at_ < text_.size(); skip_space(true)) GANNET_TRY(parse_rule());
    for (const auto& [name, rule] : rules_)
      if (!rule.defined) {
        at_ = rule.first_use;
        return fail(fmt::format("the rule \"{}\" is not defined", name));
      }
    const auto root = rules_.find("root");
    if (root == rules_.end())
      return Error(ErrorCode::kUsage, "the grammar has no rule \"root\", which says what the whole text is");
    grammar_.set_root(root->second.id);
    return std::move(grammar_);
  }

 private:
  struct Named {
    RuleId id;
    bool defined = false;
    size_t first_use = 0;
  };

  Error fail(const std::string& what) const {
    size_t line = 1, line_begin = 0;
    for (size_t i = 0; i < at_ && i < text_.size(); ++i)
      if (text_[i] == '\n') ++line, line_begin = i + 1;
    return Error(ErrorCode::kUsage,
                 fmt::format("grammar, line {}, column {}: {}", line, at_ - line_begin + 1, what));
  }
  Error unexpected(const std::string& wanted) const {
    if (at_ >= text_.size()) return fail(fmt::format("expected {}, but the grammar ends", wanted));
    return fail(fmt::format("expected {}, not {}", wanted,
                            quoted(text_.substr(at_, utf8_step(text_.substr(at_)).length))));
  }

  bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(char c) {
    if (!at(c)) return false;
    ++at_;
    return true;
  }

  void skip_space(bool over_lines) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#')
        while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
      else if (c == ' ' || c == '\t' || (over_lines && (c == '\n' || c == '\r')))
        ++at_;
      else
        return;
    }
  }

  std::string_view take_name() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  RuleId rule_named(std::string_view name, size_t where) {
    const auto [it, is_new] = rules_.try_emplace(std::string(name));
    if (is_new) it->second = {grammar_.add_rule(std::string(name)), false, where};
    return it->second.id;
  }

  Result<void> parse_rule() {
    const size_t begin = at_;
    const std::string_view name = take_name();
    if (name.empty()) return unexpected("the name of a rule");
    const RuleId rule = rule_named(name, begin);
    Named& named = rules_.find(name)->second;
    if (named.defined) {
      at_ = begin;
      return fail(fmt::format("the rule \"{}\" is defined twice", name));
    }
    named.defined = true;
    skip_space(false);
    if (text_.substr(at_, 3) != "::=") return unexpected("::= behind the name of a rule");
    at_ += 3;
    skip_space(true);
    // list ::= list "," item | item is item ("," item)*.
    std::vector<ExprId> first, rest;
    for (bool more = true; more;) {
      bool again = false;
      const ExprId part = GANNET_TRY(parse_sequence(0, rule, &again));
      (again ? rest : first).push_back(part);
      more = next_alternative(false);
    }
    ExprId body = grammar_.choice(first);
    if (!rest.empty()) body = grammar_.sequence({body, grammar_.repeat(grammar_.choice(rest), 0)});
    grammar_.define(rule, body);
    if (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r')
      return unexpected("the end of the rule");
    return {};
  }

  // A `|` may also be the first thing of the next line.
  bool next_alternative(bool nested) {
    const size_t before = at_;
    skip_space(true);
    if (take('|')) {
      skip_space(true);
      return true;
    }
    if (!nested) at_ = before;
    return false;
  }

  Result<ExprId> parse_choice(int depth) {
    std::vector<ExprId> parts;
    for (bool more = true; more; more = next_alternative(true))
      parts.push_back(GANNET_TRY(parse_sequence(depth, std::nullopt, nullptr)));
    return grammar_.choice(parts);
  }

  // With `self`: an alternative of that rule; one that begins with the rule itself is `again`, and what is
  // behind that is returned.
  Result<ExprId> parse_sequence(int depth, std::optional<RuleId> self, bool* again) {
    std::vector<ExprId> parts;
    while (true) {
      skip_space(depth > 0);
      const size_t begin = at_;
      std::optional<ExprId> item = GANNET_TRY(parse_item(depth));
      if (!item) break;
      const size_t end = at_;
      GANNET_TRY(parse_suffixes(&*item));
      const Grammar::Expr& e = grammar_.expr(*item);
      if (self && begin_of_sequence(parts, *again) && end == at_ && text_[begin] != '(' &&
          e.kind == ExprKind::kRule && e.first == *self)
        *again = true;
      else
        parts.push_back(*item);
    }
    return grammar_.sequence(parts);
  }
  static bool begin_of_sequence(const std::vector<ExprId>& parts, bool again) {
    return parts.empty() && !again;
  }

  Result<std::optional<ExprId>> parse_item(int depth) {
    using Item = std::optional<ExprId>;
    if (at_ >= text_.size()) return Item();
    const char c = text_[at_];
    if (c == '"') return Item(GANNET_TRY(parse_literal()));
    if (c == '[') return Item(GANNET_TRY(parse_class()));
    if (c == '<') return Item(GANNET_TRY(parse_token()));
    if (c == '!') return fail("a negated token (!<text>) cannot be enforced; write what may come instead");
    if (take('.')) return Item(grammar_.chars(CodePointSet::all()));
    if (take('(')) {
      if (depth >= kMaxGbnfDepth)
        return fail(fmt::format("parentheses are nested deeper than {}", kMaxGbnfDepth));
      skip_space(true);
      const ExprId inner = GANNET_TRY(parse_choice(depth + 1));
      skip_space(true);
      if (!take(')')) return unexpected("a closing parenthesis");
      return Item(inner);
    }
    if (!is_name(c)) return Item();
    const size_t begin = at_;
    return Item(grammar_.rule(rule_named(take_name(), begin)));
  }

  Result<void> parse_suffixes(ExprId* item) {
    for (int n = 0;; ++n) {
      const size_t before = at_;
      skip_space(false);
      uint32_t min = 0, max = kUnbounded;
      if (take('?')) {
        max = 1;
      } else if (take('+')) {
        min = 1;
      } else if (take('{')) {
        GANNET_TRY(parse_bounds(&min, &max));
      } else if (!take('*')) {
        at_ = before;
        return {};
      }
      if (n >= 10) return fail("more than 10 repeats of repeats");
      *item = grammar_.repeat(*item, min, max);
    }
  }

  Result<void> parse_bounds(uint32_t* min, uint32_t* max) {
    skip_space(false);
    if (!at(',')) *min = *max = GANNET_TRY(parse_number());
    skip_space(false);
    if (take(',')) {
      skip_space(false);
      *max = at('}') ? kUnbounded : GANNET_TRY(parse_number());
      skip_space(false);
    }
    if (!take('}')) return unexpected("} behind the bounds of a repeat");
    if (*min > *max) return fail(fmt::format("a repeat of at least {} and at most {}", *min, *max));
    return {};
  }

  Result<uint32_t> parse_number() {
    constexpr uint32_t kMost = 1'000'000;
    if (at_ >= text_.size() || text_[at_] < '0' || text_[at_] > '9') return unexpected("a number");
    uint32_t n = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      n = n * 10 + static_cast<uint32_t>(text_[at_] - '0');
      if (n > kMost) return fail(fmt::format("a repeat of more than {}", kMost));
    }
    return n;
  }

  Result<ExprId> parse_literal() {
    const size_t begin = at_++;
    std::string bytes;
    while (!at('"')) {
      if (at_ >= text_.size()) {
        at_ = begin;
        return fail("a literal without its closing quote");
      }
      append_utf8(GANNET_TRY(parse_char()), &bytes);
    }
    ++at_;
    return grammar_.literal(bytes);
  }

  Result<ExprId> parse_class() {
    const size_t begin = at_++;
    const bool negated = take('^');
    CodePointSet set;
    while (!at(']')) {
      if (at_ >= text_.size()) {
        at_ = begin;
        return fail("a class without its closing bracket");
      }
      const char32_t first = GANNET_TRY(parse_char());
      char32_t last = first;
      if (at('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        last = GANNET_TRY(parse_char());
        if (last < first) return fail("a range whose end is before its begin");
      }
      set.add(first, last);
    }
    ++at_;
    return grammar_.chars(negated ? set.complement() : set);
  }

  Result<ExprId> parse_token() {
    const size_t begin = at_++;
    const size_t end = text_.find_first_of(">\n", at_);
    if (end == std::string_view::npos || text_[end] == '\n')
      return fail("a token (<text>) without its closing >");
    const std::string_view token = text_.substr(begin, end + 1 - begin);
    if (token.size() < 3 || token[1] == '[')
      return fail(fmt::format("tokens by number ({}) cannot be used; write the text of the token", token));
    at_ = end + 1;
    return grammar_.token_text(token);
  }

  Result<char32_t> parse_char() {
    if (at_ >= text_.size()) return unexpected("a character");
    if (text_[at_] != '\\') {
      const Utf8Step step = utf8_step(text_.substr(at_));
      const char32_t c = decode_utf8(text_.substr(at_), step.length);
      at_ += step.length;
      return c;
    }
    const size_t begin = at_++;
    const char kind = at_ < text_.size() ? text_[at_++] : '\0';
    switch (kind) {
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 't':
        return U'\t';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
        return static_cast<char32_t>(kind);
      case 'x':
        return parse_hex(begin, 2);
      case 'u':
        return parse_hex(begin, 4);
      case 'U':
        return parse_hex(begin, 8);
      default:
        break;
    }
    at_ = begin;
    return fail(
        "an unknown escape; there are \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\^ \\xXX \\uXXXX \\UXXXXXXXX");
  }

  Result<char32_t> parse_hex(size_t begin, size_t digits) {
    uint64_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
      const char c = at_ < text_.size() ? text_[at_] : '\0';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return unexpected(fmt::format("{} hexadecimal digits", digits));
      value = value * 16 + static_cast<uint64_t>(digit);
      ++at_;
    }
    if (value > kLastCodePoint || (value >= 0xD800 && value <= 0xDFFF)) {
      at_ = begin;
      return fail(fmt::format("U+{:04X} is not a character", value));
    }
    return static_cast<char32_t>(value);
  }

  std::string_view text_;
  size_t at_ = 0;
  Grammar grammar_;
  std::map<std::string, Named, std::less<>> rules_;
};

}  // namespace

Result<Grammar> parse_gbnf(std::string_view text) {
  return GbnfParser(text).parse();
}

}  // namespace gannet
