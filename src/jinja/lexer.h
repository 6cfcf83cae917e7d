// A template as tokens. White space around tags is dealt with here, so nothing behind it knows of
// trim_blocks, lstrip_blocks, `-` and `+`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jinja/source.h"

namespace gannet::jinja {

enum class TokenKind : uint8_t {
  kText,  // between tags
  kOutputBegin,
  kOutputEnd,
  kTagBegin,
  kTagEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind;
  Span span;
  std::string text;  // of text and strings, after escapes; names, numbers and operators as written

  bool is(TokenKind k) const { return kind == k; }
  bool is(TokenKind k, std::string_view t) const { return kind == k && text == t; }
  bool is_name(std::string_view t) const { return is(TokenKind::kName, t); }
  bool is_op(std::string_view t) const { return is(TokenKind::kOperator, t); }
};

// The last token is kEnd.
Result<std::vector<Token>> tokenize(const Source& source);

}  // namespace gannet::jinja
