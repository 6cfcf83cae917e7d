#include "grammar/regex.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "text/utf8.h"
#include "text/vocabulary.h"

namespace gannet {
namespace {

struct Node {
  enum Kind { kChars, kSequence, kChoice, kRepeat, kBegin, kEnd } kind;
  CodePointSet chars;
  std::vector<Node> parts;
  uint32_t min = 0, max = 0;
  size_t at = 0;
};

CodePointSet digits() {
  return {{'0', '9'}};
}
CodePointSet word_chars() {
  return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
}
// White space and line ends of ECMAScript.
CodePointSet spaces() {
  return {{9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
          {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
}
CodePointSet any_but_line_ends() {
  return CodePointSet{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}.complement();
}

class RegexParser {
 public:
  explicit RegexParser(std::string_view text) : text_(text) {}

  Result<Node> parse() {
    if (text_.size() > kMaxRegexBytes) return fail(fmt::format("it is longer than {} bytes", kMaxRegexBytes));
    if (utf8_valid_prefix(text_) != text_.size()) return fail("it is not valid UTF-8");
    Node node = GANNET_TRY(parse_choice(0));
    if (at_ < text_.size()) return fail("a closing parenthesis without an opening one");
    return node;
  }

  Error fail(const std::string& what) const { return fail_at(at_, what); }
  Error fail_at(size_t at, const std::string& what) const {
    return Error(ErrorCode::kUsage,
                 fmt::format("regular expression {}, byte {}: {}", quoted(text_), at, what));
  }

 private:
  bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }

  Result<Node> parse_choice(int depth) {
    Node choice{.kind = Node::kChoice, .chars = {}, .parts = {}, .at = at_};
    do {
      Node sequence{.kind = Node::kSequence, .chars = {}, .parts = {}, .at = at_};
      while (at_ < text_.size() && text_[at_] != '|' && text_[at_] != ')') {
        Node atom = GANNET_TRY(parse_atom(depth));
        GANNET_TRY(parse_quantifier(&atom));
        sequence.parts.push_back(std::move(atom));
      }
      choice.parts.push_back(std::move(sequence));
    } while (take("|"));
    if (choice.parts.size() == 1) return std::move(choice.parts[0]);
    return choice;
  }

  Result<Node> parse_atom(int depth) {
    Node node{.kind = Node::kChars, .chars = {}, .parts = {}, .at = at_};
    if (take("^")) {
      node.kind = Node::kBegin;
    } else if (take("$")) {
      node.kind = Node::kEnd;
    } else if (take(".")) {
      node.chars = any_but_line_ends();
    } else if (take("(")) {
      if (depth >= kMaxRegexDepth)
        return fail(fmt::format("groups are nested deeper than {}", kMaxRegexDepth));
      if (take("?=") || take("?!") || take("?<=") || take("?<!"))
        return fail_at(node.at, "look-around cannot be enforced");
      if (take("?<")) {
        const size_t end = text_.find('>', at_);
        if (end == std::string_view::npos || end == at_) return fail("the name of a group without its >");
        at_ = end + 1;
      } else if (!take("?:") && at('?')) {
        return fail("an unknown kind of group (?...)");
      }
      Node inner = GANNET_TRY(parse_choice(depth + 1));
      if (!take(")")) return fail_at(node.at, "a group without its closing parenthesis");
      node = {.kind = Node::kSequence, .chars = {}, .parts = {}, .at = node.at};
      node.parts.push_back(std::move(inner));
    } else if (at('[')) {
      node.chars = GANNET_TRY(parse_class());
    } else if (at('\\')) {
      bool one = false;
      node.chars = GANNET_TRY(parse_escape(false, &one));
    } else if (at('*') || at('+') || at('?') || at('{')) {
      // As without the u flag, a brace that begins no quantifier is itself.
      if (at('{') && !is_quantifier()) {
        node.chars.add('{');
        ++at_;
        return node;
      }
      return fail("a quantifier with nothing before it");
    } else {
      node.chars.add(take_char());
    }
    return node;
  }

  char32_t take_char() {
    const Utf8Step step = utf8_step(text_.substr(at_));
    const char32_t c = decode_utf8(text_.substr(at_), step.length);
    at_ += step.length;
    return c;
  }

  bool is_quantifier() const {
    size_t i = at_ + 1;
    const size_t first = i;
    while (i < text_.size() && text_[i] >= '0' && text_[i] <= '9') ++i;
    if (i == first) return false;
    if (i < text_.size() && text_[i] == ',') ++i;
    while (i < text_.size() && text_[i] >= '0' && text_[i] <= '9') ++i;
    return i < text_.size() && text_[i] == '}';
  }

  Result<void> parse_quantifier(Node* atom) {
    uint32_t min = 0, max = kUnbounded;
    const size_t begin = at_;
    if (take("?")) {
      max = 1;
    } else if (take("+")) {
      min = 1;
    } else if (at('{') && is_quantifier()) {
      ++at_;
      min = max = GANNET_TRY(take_number());
      if (take(",")) max = at('}') ? kUnbounded : GANNET_TRY(take_number());
      ++at_;
      if (min > max) return fail_at(begin, "bounds in the wrong order");
    } else if (!take("*")) {
      return {};
    }
    take("?");  // lazy: the same texts match
    if (at('*') || at('+') || at('?') || (at('{') && is_quantifier()))
      return fail("a quantifier of a quantifier");
    if (atom->kind == Node::kBegin || atom->kind == Node::kEnd)
      return fail_at(begin, "a quantifier of an anchor");
    Node repeat{.kind = Node::kRepeat, .chars = {}, .parts = {}, .min = min, .max = max, .at = atom->at};
    repeat.parts.push_back(std::move(*atom));
    *atom = std::move(repeat);
    return {};
  }

  Result<uint32_t> take_number() {
    constexpr uint32_t kMost = 1'000'000;
    uint32_t n = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      n = n * 10 + static_cast<uint32_t>(text_[at_] - '0');
      if (n > kMost) return fail(fmt::format("a repeat of more than {}", kMost));
    }
    return n;
  }

  Result<CodePointSet> parse_class() {
    const size_t begin = at_++;
    const bool negated = take("^");
    CodePointSet set;
    while (!at(']')) {
      if (at_ >= text_.size()) return fail_at(begin, "a class without its closing bracket");
      bool one = false;
      const CodePointSet first = GANNET_TRY(parse_class_member(&one));
      if (!at('-') || at_ + 1 >= text_.size() || text_[at_ + 1] == ']') {
        set.add(first);
        continue;
      }
      const size_t dash = at_++;
      bool last_one = false;
      const CodePointSet last = GANNET_TRY(parse_class_member(&last_one));
      if (!one || !last_one) {
        set.add(first);
        set.add(last);
        set.add('-');
        continue;
      }
      if (first.empty() || last.empty()) return fail_at(dash, "a range with a surrogate as its end");
      if (last.ranges()[0].first < first.ranges()[0].first)
        return fail_at(dash, "a range whose end is before its begin");
      set.add(first.ranges()[0].first, last.ranges()[0].first);
    }
    ++at_;
    return negated ? set.complement() : set;
  }

  Result<CodePointSet> parse_class_member(bool* one) {
    if (at('\\')) return parse_escape(true, one);
    *one = true;
    CodePointSet set;
    set.add(take_char());
    return set;
  }

  // `one`: it stands for one character.
  Result<CodePointSet> parse_escape(bool in_class, bool* one) {
    const size_t begin = at_++;
    if (at_ >= text_.size()) return fail_at(begin, "a backslash with nothing behind it");
    const char kind = text_[at_];
    switch (kind) {
      case 'd':
        return ++at_, digits();
      case 'D':
        return ++at_, digits().complement();
      case 'w':
        return ++at_, word_chars();
      case 'W':
        return ++at_, word_chars().complement();
      case 's':
        return ++at_, spaces();
      case 'S':
        return ++at_, spaces().complement();
      case 'p':
      case 'P':
        return fail_at(begin, "properties of Unicode (\\p) are not known; write a class");
      case 'b':
        if (!in_class) return fail_at(begin, "a word boundary (\\b) cannot be enforced");
        break;
      case 'B':
        return fail_at(begin, "a word boundary (\\B) cannot be enforced");
      case 'k':
        return fail_at(begin, "back references cannot be enforced");
      default:
        break;
    }
    *one = true;
    CodePointSet set;
    const std::optional<char32_t> c = GANNET_TRY(parse_char_escape(begin));
    if (c && (*c < 0xD800 || *c > 0xDFFF)) set.add(*c);
    return set;
  }

  // Empty for half of a pair of surrogates, which no text has.
  Result<std::optional<char32_t>> parse_char_escape(size_t begin) {
    using Char = std::optional<char32_t>;
    const char kind = text_[at_];
    if (kind >= '1' && kind <= '9') return fail_at(begin, "back references cannot be enforced");
    constexpr std::string_view kNames = "nrtvfb0", kMeanings("\n\r\t\v\f\b\0", 7);
    if (const size_t i = kNames.find(kind); i != std::string_view::npos) {
      ++at_;
      return Char(static_cast<char32_t>(kMeanings[i]));
    }
    if (kind == 'c') {
      const char letter = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
      if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')))
        return fail_at(begin, "\\c needs a letter behind it");
      at_ += 2;
      return Char(static_cast<char32_t>(letter) % 32);
    }
    if (kind == 'x') {
      ++at_;
      return Char(GANNET_TRY(take_hex(begin, 2)));
    }
    if (kind == 'u') {
      ++at_;
      if (take("{")) {
        char32_t value = 0;
        for (; !take("}"); value = value * 16 + GANNET_TRY(take_hex(begin, 1)))
          if (value > kLastCodePoint) return fail_at(begin, "not a character");
        if (value > kLastCodePoint) return fail_at(begin, "not a character");
        return Char(value);
      }
      const char32_t high = GANNET_TRY(take_hex(begin, 4));
      if (high >= 0xD800 && high <= 0xDBFF && text_.substr(at_).starts_with("\\u")) {
        const size_t behind = at_;
        at_ += 2;
        const char32_t low = GANNET_TRY(take_hex(begin, 4));
        if (low >= 0xDC00 && low <= 0xDFFF) return Char(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
        at_ = behind;
      }
      return Char(high);
    }
    if ((kind >= 'a' && kind <= 'z') || (kind >= 'A' && kind <= 'Z'))
      return fail_at(begin, fmt::format("an unknown escape \\{}", kind));
    return Char(take_char());
  }

  Result<char32_t> take_hex(size_t begin, int n) {
    char32_t value = 0;
    for (int i = 0; i < n; ++i) {
      const char c = at_ < text_.size() ? text_[at_] : '\0';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return fail_at(begin, "too few hexadecimal digits");
      value = value * 16 + static_cast<char32_t>(digit);
      ++at_;
    }
    return value;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// Writes what was parsed. A part that is at the begin (end) of the whole may have any text before (behind)
// it, unless it has an anchor there.
class RegexWriter {
 public:
  RegexWriter(Grammar* grammar, const RegexParser& parser, const CharWriter& write, bool contains)
      : g_(grammar), parser_(parser), write_(write), contains_(contains) {}

  Result<ExprId> write(const Node& node, bool first, bool last) {
    switch (node.kind) {
      case Node::kChars: {
        const ExprId one = write_(g_, node.chars);
        return around(one, first, last);
      }
      case Node::kBegin:
      case Node::kEnd: {
        if (!(node.kind == Node::kBegin ? first : last))
          return parser_.fail_at(node.at, "an anchor between other things cannot be enforced");
        return node.kind == Node::kBegin ? around(g_->empty(), false, last)
                                         : around(g_->empty(), first, false);
      }
      case Node::kChoice: {
        std::vector<ExprId> parts;
        for (const Node& part : node.parts) parts.push_back(GANNET_TRY(write(part, first, last)));
        return g_->choice(parts);
      }
      case Node::kRepeat: {
        const ExprId what = GANNET_TRY(write(node.parts[0], false, false));
        return around(g_->repeat(what, node.min, node.max), first, last);
      }
      case Node::kSequence:
        break;
    }
    if (node.parts.empty()) return around(g_->empty(), first, last);
    // Anchors at the ends; with both, ^$, each still sees its end.
    size_t begin = 0, end = node.parts.size();
    if (first && node.parts[begin].kind == Node::kBegin) {
      first = false;
      ++begin;
    }
    if (last && end > begin && node.parts[end - 1].kind == Node::kEnd) {
      last = false;
      --end;
    }
    if (begin == end) return around(g_->empty(), first, last);
    std::vector<ExprId> parts;
    for (size_t i = begin; i < end; ++i)
      parts.push_back(GANNET_TRY(write(node.parts[i], first && i == begin, last && i + 1 == end)));
    return g_->sequence(parts);
  }

 private:
  ExprId around(ExprId what, bool first, bool last) {
    std::vector<ExprId> parts;
    if (first && contains_) parts.push_back(anything());
    parts.push_back(what);
    if (last && contains_) parts.push_back(anything());
    return g_->sequence(parts);
  }
  ExprId anything() { return g_->repeat(write_(g_, CodePointSet::all()), 0); }

  Grammar* g_;
  const RegexParser& parser_;
  const CharWriter& write_;
  bool contains_;
};

}  // namespace

Result<ExprId> add_regex(Grammar* grammar, std::string_view pattern, const CharWriter& write, bool contains) {
  RegexParser parser(pattern);
  const Node node = GANNET_TRY(parser.parse());
  return RegexWriter(grammar, parser, write, contains).write(node, true, true);
}

Result<Grammar> regex_grammar(std::string_view pattern, bool contains) {
  Grammar grammar;
  const RuleId root = grammar.add_rule("root");
  const CharWriter plain = [](Grammar* g, const CodePointSet& set) { return g->chars(set); };
  grammar.define(root, GANNET_TRY(add_regex(&grammar, pattern, plain, contains)));
  return grammar;
}

}  // namespace gannet
