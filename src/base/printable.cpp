#include "base/printable.h"

#include <cstdint>
#include <iterator>

#include <fmt/core.h>

namespace gannet {
namespace {

// Length of the well-formed UTF-8 sequence at `at` (RFC 3629: no overlong forms, no surrogates), 0 if there
// is none. `code` receives the code point.
size_t sequence_at(std::string_view text, size_t at, uint32_t& code) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const uint8_t first = byte(0);
  size_t length = 1;
  uint32_t least = 0;
  if (first < 0x80) {
    code = first;
    return 1;
  } else if (first >= 0xC2 && first < 0xE0) {
    length = 2, least = 0x80, code = first & 0x1F;
  } else if (first >= 0xE0 && first < 0xF0) {
    length = 3, least = 0x800, code = first & 0x0F;
  } else if (first >= 0xF0 && first < 0xF5) {
    length = 4, least = 0x10000, code = first & 0x07;
  } else {
    return 0;
  }
  if (text.size() - at < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3F);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < least || code > 0x10FFFF || surrogate ? 0 : length;
}

// Characters that move the cursor, change the reading direction or break the line.
bool unfit_for_a_line(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code >= 0xE0000 && code <= 0xE0FFF);
}

// The character at `at` of `text`, or one byte of what is no character: how many bytes it has, and whether it
// can be printed as it is.
struct Piece {
  size_t length;
  uint32_t code;
  bool character, fit;
};
Piece piece_at(std::string_view text, size_t at) {
  Piece p = {};
  p.length = sequence_at(text, at, p.code);
  p.character = p.length > 0;
  p.fit = p.character && !unfit_for_a_line(p.code);
  if (!p.character) p.length = 1, p.code = 0;  // not what its first bits would have begun
  return p;
}

void append_escape(std::string& out, const Piece& piece, char byte) {
  auto to = std::back_inserter(out);
  if (!piece.character)
    fmt::format_to(to, "\\x{:02x}", static_cast<uint8_t>(byte));
  else if (piece.code == '\n')
    out += "\\n";
  else if (piece.code == '\t')
    out += "\\t";
  else if (piece.code == '\r')
    out += "\\r";
  else
    fmt::format_to(to, "\\u{{{:x}}}", piece.code);
}

}  // namespace

std::string printable(std::string_view text, size_t limit) {
  std::string out;
  size_t at = 0;
  while (at < text.size()) {
    const Piece piece = piece_at(text, at);
    // A character that would cross the limit is left out whole.
    if (at + piece.length > limit) break;
    if (piece.code == '"' || piece.code == '\\') out += '\\';
    if (piece.fit)
      out += text.substr(at, piece.length);
    else
      append_escape(out, piece, text[at]);
    at += piece.length;
  }
  if (at < text.size()) fmt::format_to(std::back_inserter(out), " (+{} bytes)", text.size() - at);
  return out;
}

std::string visible(std::string_view message) {
  std::string out;
  for (size_t at = 0; at < message.size();) {
    const Piece piece = piece_at(message, at);
    if (piece.fit || piece.code == '\n')
      out += message.substr(at, piece.length);
    else
      append_escape(out, piece, message[at]);
    at += piece.length;
  }
  return out;
}

bool fits_a_line(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Piece piece = piece_at(text, at);
    if (!piece.fit) return false;
    at += piece.length;
  }
  return true;
}

}  // namespace gannet
