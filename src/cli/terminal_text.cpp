#include "cli/terminal_text.h"

#include <iterator>

#include <fmt/format.h>

#include "text/utf8.h"

namespace gannet {
namespace {

bool is_obeyed(char32_t code) {
  const bool c0 = code < 0x20 && code != '\n' && code != '\t';
  const bool c1 = code >= 0x7F && code < 0xA0;
  const bool direction = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return c0 || c1 || direction;
}

}  // namespace

std::string TerminalText::push(std::string_view piece) {
  waiting_ += piece;
  return take(/*all=*/false);
}

std::string TerminalText::flush() {
  return take(/*all=*/true);
}

std::string TerminalText::take(bool all) {
  std::string out;
  std::string_view rest = waiting_;
  while (!rest.empty()) {
    const Utf8Step step = utf8_step(rest);
    const bool line_end = rest.starts_with("\r\n");
    if (!all && (step.kind == Utf8Kind::kIncomplete || rest == "\r")) break;
    const std::string_view part = rest.substr(0, step.length);
    if (step.kind != Utf8Kind::kValid) {
      for (const char byte : part)
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(byte));
    } else if (const char32_t code = decode_utf8(rest, step.length); is_obeyed(code) && !line_end) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", static_cast<uint32_t>(code));
    } else {
      out += part;
    }
    rest.remove_prefix(step.length);
  }
  waiting_.erase(0, waiting_.size() - rest.size());
  return out;
}

}  // namespace gannet
