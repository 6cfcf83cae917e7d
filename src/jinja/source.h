// The text of a template and places in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gannet::jinja {

// Bytes of the source, for messages.
struct Span {
  uint32_t begin = 0, end = 0;
};

class Source {
 public:
  // Line ends become \n and one at the very end is dropped, as Jinja2 does.
  explicit Source(std::string_view text);

  std::string_view text() const { return text_; }
  std::string_view text(Span span) const {
    return std::string_view(text_).substr(span.begin, span.end - span.begin);
  }
  // "line 3, column 7"; columns are counted in bytes.
  std::string place(Span span) const;
  // "line 3, column 7: the expression", shortened if it is long.
  std::string quote(Span span) const;
  Error error(Span span, const std::string& message) const;  // the template itself is wrong

 private:
  std::string text_;
};

}  // namespace gannet::jinja
