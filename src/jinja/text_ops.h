// Operations on marked text that filters and methods share. Positions are bytes.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/runtime.h"
#include "text/marked_text.h"

namespace gannet::jinja {

// As std::string_view's find and rfind, but in linear time: texts and what is looked for come from strangers.
size_t find_text(std::string_view text, std::string_view what, size_t from = 0);
size_t find_last_text(std::string_view text, std::string_view what);

// Without white space, or without the characters of `set`, at the ends asked for.
Result<Value> strip(Runtime* runtime, const MarkedText& text, const MarkedText* set, bool left, bool right);
// At white space, or at `separator` (not empty); at most `most` times if that is not negative.
Result<Value> split(Runtime* runtime, const MarkedText& text, const MarkedText* separator, int64_t most);
Result<Value> split_right(Runtime* runtime, const MarkedText& text, const MarkedText* separator,
                          int64_t most);
Result<Value> replace(Runtime* runtime, const MarkedText& text, const MarkedText& old, const MarkedText& with,
                      int64_t most);

enum class Case { kUpper, kLower, kTitle, kCapitalize, kSwap };
// kTitle as str.title(): a letter after anything that is not one is a capital.
Result<Value> change_case(Runtime* runtime, const MarkedText& text, Case to);
// As the filter `title`: a capital after white space and ( [ { < -.
Result<Value> title_words(Runtime* runtime, const MarkedText& text);

// Lines without their ends, or with them.
std::vector<TextRange> lines_of(std::string_view text, bool keep_ends);
Result<Value> join(Runtime* runtime, const MarkedText& separator, const std::vector<Value>& parts,
                   bool only_strings);
Result<Value> indent(Runtime* runtime, const MarkedText& text, const MarkedText& by, bool first, bool blank);

// Where the text stands. kMiddle is ^ of formats, kCenter is str.center(), which rounds differently.
enum class Align { kLeft, kRight, kMiddle, kCenter };
Result<Value> pad(Runtime* runtime, const MarkedText& text, int64_t width, std::string_view fill,
                  Align align);

}  // namespace gannet::jinja
