#include "jinja/source.h"

#include <fmt/format.h>

#include <algorithm>

namespace gannet::jinja {

Source::Source(std::string_view text) {
  text_.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      text_ += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else {
      text_ += text[i];
    }
  }
  if (!text_.empty() && text_.back() == '\n') text_.pop_back();
}

std::string Source::place(Span span) const {
  const std::string_view before = std::string_view(text_).substr(0, span.begin);
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 == 0
  return fmt::format("line {}, column {}", std::count(before.begin(), before.end(), '\n') + 1,
                     before.size() - line_start + 1);
}

std::string Source::quote(Span span) const {
  constexpr size_t kLongest = 80;
  std::string expression;
  for (const char c : text(span)) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    if (space && (expression.empty() || expression.back() == ' ')) continue;
    expression += space ? ' ' : c;
    if (expression.size() <= kLongest) continue;
    while (!expression.empty() && (static_cast<uint8_t>(expression.back()) & 0xC0) == 0x80)
      expression.pop_back();
    if (!expression.empty()) expression.pop_back();
    expression += "...";
    break;
  }
  return expression.empty() ? place(span) : place(span) + ": " + expression;
}

Error Source::error(Span span, const std::string& message) const {
  return {ErrorCode::kModelFile, place(span) + ": " + message};
}

}  // namespace gannet::jinja
