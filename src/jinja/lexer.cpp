#include "jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "jinja/unicode.h"

namespace gannet::jinja {
namespace {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9') ||
         static_cast<uint8_t>(c) >= 0x80;
}
bool is_digit_byte(char c) {
  return c >= '0' && c <= '9';
}

class Lexer {
 public:
  explicit Lexer(const Source& source) : source_(source), text_(source.text()) {}

  Result<std::vector<Token>> run() {
    while (at_ < text_.size()) GANNET_TRY(text_and_tag());
    push(TokenKind::kEnd, at_, at_);
    return std::move(tokens_);
  }

 private:
  Span span(size_t begin, size_t end) const {
    return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  }
  void push(TokenKind kind, size_t begin, size_t end, std::string text = {}) {
    tokens_.push_back({kind, span(begin, end), std::move(text)});
  }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  void skip_space() { at_ += leading_space(text_.substr(at_)); }

  // Text up to the tag that begins at `tag`, with the space in front of the tag taken away as its sign and
  // lstrip_blocks say.
  void push_text(size_t tag, char sign, bool is_block) {
    std::string_view text = text_.substr(at_, tag - at_);
    if (sign == '-') {
      text.remove_suffix(trailing_space(text));
    } else if (sign != '+' && is_block) {
      const size_t line = text.rfind('\n') + 1;  // npos + 1 == 0
      if ((line > 0 || line_starts_) && leading_space(text.substr(line)) == text.size() - line)
        text = text.substr(0, line);
    }
    if (!text.empty()) push(TokenKind::kText, at_, at_ + text.size(), std::string(text));
  }

  // Behind a tag: `-` takes all space, without a sign the first line end goes.
  void after_tag(bool minus, bool plus) {
    const size_t begin = at_;
    if (minus)
      skip_space();
    else if (!plus && peek() == '\n')
      ++at_;
    line_starts_ = at_ > begin && text_[at_ - 1] == '\n';
  }

  Result<void> text_and_tag() {
    size_t tag = at_;
    for (;; ++tag) {
      tag = text_.find('{', tag);
      if (tag == std::string_view::npos || tag + 1 >= text_.size()) {
        push_text(text_.size(), '+', false);
        at_ = text_.size();
        return {};
      }
      const char next = text_[tag + 1];
      if (next == '{' || next == '%' || next == '#') break;
    }
    const char kind = text_[tag + 1];
    const char after = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
    const char sign = after == '-' || after == '+' ? after : '\0';
    push_text(tag, sign, kind != '{');
    line_starts_ = false;
    at_ = tag + 2 + (sign != '\0' ? 1 : 0);
    if (kind == '#') return comment(tag);
    if (kind == '%') {
      if (const auto raw_end = raw_tag()) return raw(tag, *raw_end);
    }
    push(kind == '{' ? TokenKind::kOutputBegin : TokenKind::kTagBegin, tag, at_);
    return inside(tag, kind == '{');
  }

  Result<void> comment(size_t tag) {
    const size_t end = text_.find("#}", at_);
    if (end == std::string_view::npos) return source_.error(span(tag, tag + 2), "this comment has no end #}");
    const char sign = end > at_ ? text_[end - 1] : '\0';
    at_ = end + 2;
    after_tag(sign == '-', sign == '+');
    return {};
  }

  // The end of `raw` and its closing bracket if that is what stands here.
  std::optional<size_t> raw_tag() const {
    size_t at = at_ + leading_space(text_.substr(at_));
    if (text_.substr(at, 3) != "raw") return std::nullopt;
    at += 3;
    at += leading_space(text_.substr(at));
    const bool minus = text_.substr(at, 1) == "-";
    if (minus) ++at;
    if (text_.substr(at, 2) != "%}") return std::nullopt;
    at += 2;
    return minus ? at + leading_space(text_.substr(at)) : at;
  }

  Result<void> raw(size_t tag, size_t begin) {
    at_ = begin;
    for (size_t end = at_; (end = text_.find("{%", end)) != std::string_view::npos; end += 2) {
      size_t at = end + 2;
      const char after = at < text_.size() ? text_[at] : '\0';
      const char sign = after == '-' || after == '+' ? after : '\0';
      if (sign != '\0') ++at;
      at += leading_space(text_.substr(at));
      if (text_.substr(at, 6) != "endraw") continue;
      at += 6;
      at += leading_space(text_.substr(at));
      const char close = at < text_.size() ? text_[at] : '\0';
      if (close == '-' || close == '+') ++at;
      if (text_.substr(at, 2) != "%}") continue;
      push_text(end, sign, true);
      at_ = at + 2;
      after_tag(close == '-', close == '+');
      return {};
    }
    return source_.error(span(tag, tag + 2), "this raw block has no {% endraw %}");
  }

  // Tokens up to and with the end of the tag.
  Result<void> inside(size_t tag, bool output) {
    std::string brackets;
    const std::string_view close = output ? "}}" : "%}";
    for (;;) {
      skip_space();
      if (at_ >= text_.size())
        return source_.error(span(tag, tag + 2), fmt::format("this tag has no end {}", close));
      if (brackets.empty()) {
        const char sign = (peek() == '-' || (peek() == '+' && !output)) ? peek() : '\0';
        const size_t skip = sign != '\0' ? 1 : 0;
        if (text_.substr(at_ + skip, 2) == close) {
          push(output ? TokenKind::kOutputEnd : TokenKind::kTagEnd, at_, at_ + skip + 2);
          at_ += skip + 2;
          after_tag(sign == '-', output || sign == '+');
          return {};
        }
      }
      GANNET_TRY(token(&brackets));
    }
  }

  Result<void> token(std::string* brackets) {
    const size_t begin = at_;
    const char c = peek();
    if (is_digit_byte(c)) return number();
    if (is_name_byte(c)) {
      while (is_name_byte(peek())) ++at_;
      push(TokenKind::kName, begin, at_, std::string(text_.substr(begin, at_ - begin)));
      return {};
    }
    if (c == '"' || c == '\'') return string();
    static constexpr std::array<std::string_view, 7> kLong = {"//", "**", "==", "!=", ">=", "<=", "~"};
    size_t length = 0;
    for (const std::string_view op : kLong)
      if (starts(op)) length = op.size();
    if (length == 0 && std::string_view("+-/*%[](){}><=.:|,;").find(c) != std::string_view::npos) length = 1;
    if (length == 0) {
      const size_t size = first_character(text_.substr(at_)).length;
      return source_.error(span(at_, at_ + size), fmt::format("unexpected `{}`", text_.substr(at_, size)));
    }
    if (c == '(' || c == '[' || c == '{') {
      *brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
      if (brackets->empty() || brackets->back() != c)
        return source_.error(span(at_, at_ + 1), fmt::format("`{}` closes nothing", c));
      brackets->pop_back();
    }
    at_ += length;
    push(TokenKind::kOperator, begin, at_, std::string(text_.substr(begin, length)));
    return {};
  }

  void digits() {
    while (is_digit_byte(peek()) || (peek() == '_' && is_digit_byte(peek(1)))) ++at_;
  }

  Result<void> number() {
    const size_t begin = at_;
    // What follows a dot is an index (`x.0`), not a fraction.
    const bool index = !tokens_.empty() && tokens_.back().is_op(".") && tokens_.back().span.end == at_;
    TokenKind kind = TokenKind::kInteger;
    const char base = static_cast<char>(peek(1) | 0x20);
    if (peek() == '0' && (base == 'x' || base == 'o' || base == 'b')) {
      at_ += 2;
      while (is_name_byte(peek())) ++at_;
    } else {
      digits();
      if (!index && peek() == '.' && is_digit_byte(peek(1))) {
        kind = TokenKind::kFloat;
        ++at_;
        digits();
      }
      const size_t exponent = (peek(1) == '+' || peek(1) == '-') ? 2 : 1;
      if (!index && (peek() | 0x20) == 'e' && is_digit_byte(peek(exponent))) {
        kind = TokenKind::kFloat;
        at_ += exponent;
        digits();
      }
    }
    std::string text(text_.substr(begin, at_ - begin));
    std::erase(text, '_');
    push(kind, begin, at_, std::move(text));
    return {};
  }

  Result<void> string() {
    const size_t begin = at_;
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size())
        GANNET_TRY(escape(&value));
      else
        value += text_[at_++];
    }
    if (at_ >= text_.size()) return source_.error(span(begin, begin + 1), "this string has no end");
    ++at_;
    push(TokenKind::kString, begin, at_, std::move(value));
    return {};
  }

  // Python's escapes; one it does not know stays as it is, with its backslash.
  Result<void> escape(std::string* value) {
    const size_t begin = at_++;
    const char c = text_[at_++];
    constexpr std::string_view kNames = "\\'\"abfnrtv", kValues = "\\'\"\a\b\f\n\r\t\v";
    if (const size_t i = kNames.find(c); i != std::string_view::npos) {
      *value += kValues[i];
      return {};
    }
    if (c == '\n') return {};
    int base = 16;
    size_t most = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    const size_t least = most;
    if (c >= '0' && c <= '7') {
      base = 8;
      most = 3;
      --at_;
    }
    if (most == 0) {
      *value += '\\';
      *value += c;
      return {};
    }
    uint32_t code = 0;
    size_t n = 0;
    for (; n < most; ++n) {
      const char digit = peek();
      int d = is_digit_byte(digit)                             ? digit - '0'
              : (digit | 0x20) >= 'a' && (digit | 0x20) <= 'f' ? (digit | 0x20) - 'a' + 10
                                                               : 99;
      if (d >= base) break;
      code = code * static_cast<uint32_t>(base) + static_cast<uint32_t>(d);
      ++at_;
    }
    if (n < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
      return source_.error(span(begin, at_), "this escape is no character");
    append_utf8(code, value);
    return {};
  }

  const Source& source_;
  std::string_view text_;
  size_t at_ = 0;
  bool line_starts_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(const Source& source) {
  return Lexer(source).run();
}

}  // namespace gannet::jinja
