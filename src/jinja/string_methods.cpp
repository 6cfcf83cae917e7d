// Methods of str.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "jinja/builtins.h"
#include "jinja/text_ops.h"
#include "jinja/unicode.h"

namespace gannet::jinja {
namespace {

const MarkedText& self(const Bound& a) {
  return a[0].marked();
}

Result<const MarkedText*> optional_string(const Bound& a, size_t parameter) {
  if (!a.has(parameter) || a[parameter].is_none()) return nullptr;
  return a.string(parameter);
}

template <bool kLeft, bool kRight>
Result<Value> strip_method(const Bound& a) {
  return strip(&a.runtime, self(a), GANNET_TRY(optional_string(a, 1)), kLeft, kRight);
}

template <auto kSplit>
Result<Value> split_method(const Bound& a) {
  return kSplit(&a.runtime, self(a), GANNET_TRY(optional_string(a, 1)), GANNET_TRY(a.integer(2, -1)));
}

template <Case kCase>
Result<Value> case_method(const Bound& a) {
  return change_case(&a.runtime, self(a), kCase);
}

Result<bool> has_affix(const Bound& a, const Value& affix, bool at_end) {
  if (affix.is_list()) {
    GANNET_TRY(a.runtime.budget().step(affix.items().size()));
    for (const Value& one : affix.items())
      if (!one.is_list() && GANNET_TRY(has_affix(a, one, at_end))) return true;
    return false;
  }
  if (!affix.is_string())
    return fault(fmt::format("{} wants a str, this is {}", a.builtin->name, affix.type_name()));
  GANNET_TRY(a.runtime.budget().touch(affix.text().size()));
  const std::string_view text = self(a).text;
  return at_end ? text.ends_with(affix.text()) : text.starts_with(affix.text());
}

template <bool kAtEnd>
Result<Value> affix_method(const Bound& a) {
  if (a[1].is_undefined()) return fault(a[1].undefined_reason());
  return Value::boolean(GANNET_TRY(has_affix(a, a[1], kAtEnd)));
}

template <bool kAtEnd>
Result<Value> remove_affix(const Bound& a) {
  const MarkedText& text = self(a);
  const size_t size = GANNET_TRY(a.string(1))->text.size();
  GANNET_TRY(a.runtime.budget().touch(text.text.size()));
  if (!GANNET_TRY(has_affix(a, a[1], kAtEnd))) return a[0];
  return make_slice(a.memory(), text, kAtEnd ? 0 : size, text.text.size() - (kAtEnd ? size : 0));
}

Result<Value> replace_method(const Bound& a) {
  const MarkedText* old = GANNET_TRY(a.string(1));
  return replace(&a.runtime, self(a), *old, *GANNET_TRY(a.string(2)), GANNET_TRY(a.integer(3, -1)));
}

Result<Value> join_method(const Bound& a) {
  return join(&a.runtime, self(a), GANNET_TRY(a.runtime.iterate(a[1])), true);
}

Result<Value> format_method(const Bound& a) {
  return format_braces(&a.runtime, self(a), a.rest);
}

// Index of a character, or -1.
Result<int64_t> position(const Bound& a, bool from_end) {
  const std::string_view text = self(a).text;
  const std::string& what = GANNET_TRY(a.string(1))->text;
  GANNET_TRY(a.runtime.budget().touch(2 * text.size()));
  const size_t at = from_end ? find_last_text(text, what) : find_text(text, what);
  if (at == std::string_view::npos) return int64_t{-1};
  return static_cast<int64_t>(count_characters(text.substr(0, at)));
}

template <bool kFromEnd>
Result<Value> find_method_(const Bound& a) {
  return Value::integer(GANNET_TRY(position(a, kFromEnd)));
}

template <bool kFromEnd>
Result<Value> index_method(const Bound& a) {
  const int64_t at = GANNET_TRY(position(a, kFromEnd));
  if (at < 0) return fault("the text to find is not there");
  return Value::integer(at);
}

Result<Value> count_method(const Bound& a) {
  const std::string_view text = self(a).text;
  const std::string& what = GANNET_TRY(a.string(1))->text;
  GANNET_TRY(a.runtime.budget().touch(2 * text.size()));
  if (what.empty()) return Value::integer(static_cast<int64_t>(count_characters(text)) + 1);
  int64_t n = 0;
  for (size_t at = 0; (at = find_text(text, what, at)) != std::string_view::npos; at += what.size()) ++n;
  return Value::integer(n);
}

Result<Value> splitlines_method(const Bound& a) {
  const MarkedText& text = self(a);
  GANNET_TRY(a.runtime.budget().touch(8 * text.text.size()));
  if (text.text.size() > a.memory()->left() / sizeof(TextRange)) return a.memory()->refusal();
  std::vector<Value> lines;
  for (const TextRange& line : lines_of(text.text, a.flag(1, false)))
    lines.push_back(GANNET_TRY(make_slice(a.memory(), text, line.begin, line.end)));
  return make_list(a.memory(), std::move(lines));
}

template <bool kFromEnd>
Result<Value> partition_method(const Bound& a) {
  const MarkedText& text = self(a);
  const MarkedText& separator = *GANNET_TRY(a.string(1));
  if (separator.text.empty()) return fault("the separator is empty");
  GANNET_TRY(a.runtime.budget().touch(2 * text.text.size()));
  const size_t size = text.text.size();
  const size_t at =
      kFromEnd ? find_last_text(text.text, separator.text) : find_text(text.text, separator.text);
  const bool found = at != std::string::npos;
  const size_t first_end = found ? at : kFromEnd ? 0 : size;
  const size_t second_begin = found ? at + separator.text.size() : kFromEnd ? 0 : size;
  std::vector<Value> parts;
  parts.push_back(GANNET_TRY(make_slice(a.memory(), text, 0, first_end)));
  parts.push_back(GANNET_TRY(make_slice(a.memory(), text, first_end, second_begin)));
  parts.push_back(GANNET_TRY(make_slice(a.memory(), text, second_begin, size)));
  return make_tuple(a.memory(), std::move(parts));
}

// Whether the text is not empty and all of its characters are so; `cased`: all that have a case.
Result<Value> all_characters(const Bound& a, bool (*so)(char32_t), bool cased) {
  const std::string_view text = self(a).text;
  GANNET_TRY(a.runtime.budget().touch(8 * text.size()));
  bool some = false;
  for (size_t at = 0; at < text.size();) {
    const Character c = first_character(text.substr(at));
    at += c.length;
    if (cased && !is_cased(c.code)) continue;
    if (!so(c.code)) return Value::boolean(false);
    some = true;
  }
  return Value::boolean(some);
}

bool is_letter_or_digit(char32_t c) {
  return is_letter(c) || is_digit(c);
}

Result<Value> zfill_method(const Bound& a) {
  const MarkedText& text = self(a);
  const int64_t width = GANNET_TRY(a.integer(1, 0));
  const bool sign = !text.text.empty() && (text.text[0] == '-' || text.text[0] == '+');
  if (!sign) return pad(&a.runtime, text, width, "0", Align::kRight);
  const Value rest = GANNET_TRY(make_slice(a.memory(), text, 1, text.text.size()));
  const Value padded = GANNET_TRY(pad(&a.runtime, rest.marked(), width - 1, "0", Align::kRight));
  TextBuilder made(a.memory());
  made.append(text, 0, 1);
  made.append(padded.marked());
  return made.finish();
}

template <Align kAlign>
Result<Value> pad_method(const Bound& a) {
  const std::string fill = a.has(2) ? GANNET_TRY(a.string(2))->text : " ";
  if (count_characters(fill) != 1) return fault("the text to fill with is not one character");
  return pad(&a.runtime, self(a), GANNET_TRY(a.integer(1, 0)), fill, kAlign);
}

constexpr std::array kMethods = {
    Builtin{"strip", "self chars?", strip_method<true, true>},
    Builtin{"lstrip", "self chars?", strip_method<true, false>},
    Builtin{"rstrip", "self chars?", strip_method<false, true>},
    Builtin{"split", "self sep? maxsplit?", split_method<split>},
    Builtin{"rsplit", "self sep? maxsplit?", split_method<split_right>},
    Builtin{"startswith", "self prefix", affix_method<false>},
    Builtin{"endswith", "self suffix", affix_method<true>},
    Builtin{"removeprefix", "self prefix", remove_affix<false>},
    Builtin{"removesuffix", "self suffix", remove_affix<true>},
    Builtin{"replace", "self old new count?", replace_method},
    Builtin{"upper", "self", case_method<Case::kUpper>},
    Builtin{"lower", "self", case_method<Case::kLower>},
    Builtin{"casefold", "self", case_method<Case::kLower>},
    Builtin{"title", "self", case_method<Case::kTitle>},
    Builtin{"capitalize", "self", case_method<Case::kCapitalize>},
    Builtin{"swapcase", "self", case_method<Case::kSwap>},
    Builtin{"join", "self iterable", join_method},
    Builtin{"format", "self * **", format_method},
    Builtin{"find", "self sub", find_method_<false>},
    Builtin{"rfind", "self sub", find_method_<true>},
    Builtin{"index", "self sub", index_method<false>},
    Builtin{"rindex", "self sub", index_method<true>},
    Builtin{"count", "self sub", count_method},
    Builtin{"splitlines", "self keepends?", splitlines_method},
    Builtin{"partition", "self sep", partition_method<false>},
    Builtin{"rpartition", "self sep", partition_method<true>},
    Builtin{"isdigit", "self", [](const Bound& a) { return all_characters(a, is_digit, false); }},
    Builtin{"isdecimal", "self", [](const Bound& a) { return all_characters(a, is_digit, false); }},
    Builtin{"isnumeric", "self", [](const Bound& a) { return all_characters(a, is_digit, false); }},
    Builtin{"isalpha", "self", [](const Bound& a) { return all_characters(a, is_letter, false); }},
    Builtin{"isalnum", "self", [](const Bound& a) { return all_characters(a, is_letter_or_digit, false); }},
    Builtin{"isspace", "self", [](const Bound& a) { return all_characters(a, is_space, false); }},
    Builtin{"isupper", "self", [](const Bound& a) { return all_characters(a, is_upper, true); }},
    Builtin{"islower", "self", [](const Bound& a) { return all_characters(a, is_lower, true); }},
    Builtin{"zfill", "self width", zfill_method},
    Builtin{"ljust", "self width fillchar?", pad_method<Align::kLeft>},
    Builtin{"rjust", "self width fillchar?", pad_method<Align::kRight>},
    Builtin{"center", "self width fillchar?", pad_method<Align::kCenter>},
};

}  // namespace

std::span<const Builtin> string_methods() {
  return kMethods;
}

}  // namespace gannet::jinja
