// UTF-8 well-formedness (Unicode 15, table 3-7): one sequence at a time, so that a stream can tell
// "incomplete so far" from "can never become valid". Overlong forms, surrogates and values above U+10FFFF are
// ill-formed. Must not know: tokens, vocabularies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gannet {

enum class Utf8Kind {
  kValid,       // `length` bytes are one code point
  kIncomplete,  // all `length` remaining bytes are the start of a code point that is cut off
  kInvalid,  // the first `length` bytes cannot begin a code point (the maximal ill-formed part, 1 to 3 bytes)
};

struct Utf8Step {
  Utf8Kind kind;
  size_t length;  // >= 1
};

// Looks at the start of `text`, which must not be empty.
inline Utf8Step utf8_step(std::string_view text) {
  const uint8_t lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {Utf8Kind::kValid, 1};
  if (lead < 0xC2 || lead > 0xF4) return {Utf8Kind::kInvalid, 1};
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte's range excludes overlong forms, surrogates and values past U+10FFFF.
  uint8_t low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Utf8Kind::kIncomplete, i};
    const uint8_t byte = static_cast<uint8_t>(text[i]);
    if (byte < low || byte > high) return {Utf8Kind::kInvalid, i};
    low = 0x80;
    high = 0xBF;
  }
  return {Utf8Kind::kValid, length};
}

// Number of leading bytes that are well-formed: text.size() when all of it is. About memory speed for ASCII.
size_t utf8_valid_prefix(std::string_view text);

// Appends the encoding of a code point (at most U+10FFFF) to `out`.
void append_utf8(char32_t code_point, std::string* out);

// Code point of a sequence that utf8_step() called valid; `length` is the length it gave.
inline char32_t decode_utf8(std::string_view text, size_t length) {
  const uint32_t lead = static_cast<uint8_t>(text[0]);
  if (length == 1) return lead;
  uint32_t c = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) c = (c << 6) | (static_cast<uint8_t>(text[i]) & 0x3Fu);
  return c;
}

}  // namespace gannet
