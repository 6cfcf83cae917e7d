// UTF-8 well-formedness (Unicode 15, table 3-7): one sequence at a time, so that a stream can tell
// "incomplete so far" from "can never become valid". Overlong forms, surrogates and values above U+10FFFF are
// ill-formed. Must not know: tokens, vocabularies.
#pragma once

#include <cstddef>
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
Utf8Step utf8_step(std::string_view text);

// Number of leading bytes that are well-formed: text.size() when all of it is. About memory speed for ASCII.
size_t utf8_valid_prefix(std::string_view text);

// Appends the encoding of a code point (at most U+10FFFF) to `out`.
void append_utf8(char32_t code_point, std::string* out);

// Code point of a sequence that utf8_step() called valid; `length` is the length it gave.
char32_t decode_utf8(std::string_view text, size_t length);

}  // namespace gannet
