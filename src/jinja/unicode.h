// What Python's str knows about characters. Bytes that are not UTF-8 count as one character each and are left
// alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "text/utf8.h"

namespace gannet::jinja {

struct Character {
  char32_t code;  // kNoCharacter if the bytes are not UTF-8
  size_t length;
};
inline constexpr char32_t kNoCharacter = 0xFFFFFFFF;

// The first character of `text`, which must not be empty.
inline Character first_character(std::string_view text) {
  const auto byte = static_cast<uint8_t>(text[0]);
  if (byte < 0x80) return {byte, 1};
  const Utf8Step step = utf8_step(text);
  if (step.kind != Utf8Kind::kValid) return {kNoCharacter, 1};
  return {decode_utf8(text, step.length), step.length};
}
// Bytes of the last character of `text`, which must not be empty.
Character last_character(std::string_view text);

size_t count_characters(std::string_view text);
// Byte offset of character `n`, or text.size() if there are not as many.
size_t character_offset(std::string_view text, size_t n);

bool is_space(char32_t c);     // str.isspace()
bool is_line_end(char32_t c);  // for str.splitlines()
bool is_cased(char32_t c);
bool is_lower(char32_t c);
bool is_upper(char32_t c);
bool is_letter(char32_t c);
bool is_digit(char32_t c);
bool is_printable(char32_t c);  // repr() writes it as it is

void append_upper(char32_t c, std::string* out);
void append_lower(char32_t c, std::string* out);
void append_title(char32_t c, std::string* out);

// Bytes of white space at the start and at the end.
size_t leading_space(std::string_view text);
size_t trailing_space(std::string_view text);

}  // namespace gannet::jinja
