// Filters that make a string or a number of one value.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "jinja/builtins.h"
#include "jinja/text_ops.h"
#include "jinja/unicode.h"

namespace gannet::jinja {
namespace {

using Json = nlohmann::ordered_json;

template <Case kCase>
Result<Value> case_filter(const Bound& a) {
  const Value text = GANNET_TRY(a.runtime.to_string(a[0]));
  return change_case(&a.runtime, text.marked(), kCase);
}

Result<Value> title_filter(const Bound& a) {
  const Value text = GANNET_TRY(a.runtime.to_string(a[0]));
  return title_words(&a.runtime, text.marked());
}

Result<Value> string_filter(const Bound& a) {
  return a.runtime.to_string(a[0]);
}

Result<Value> trim_filter(const Bound& a) {
  const Value text = GANNET_TRY(a.runtime.to_string(a[0]));
  const MarkedText* set = a.has(1) && !a[1].is_none() ? GANNET_TRY(a.string(1)) : nullptr;
  return strip(&a.runtime, text.marked(), set, true, true);
}

Result<Value> replace_filter(const Bound& a) {
  const Value text = GANNET_TRY(a.runtime.to_string(a[0]));
  const Value old = GANNET_TRY(a.runtime.to_string(a[1])), with = GANNET_TRY(a.runtime.to_string(a[2]));
  const bool all = !a.has(3) || a[3].is_none();
  return replace(&a.runtime, text.marked(), old.marked(), with.marked(),
                 all ? -1 : GANNET_TRY(a.integer(3, -1)));
}

Result<Value> escape_filter(const Bound& a) {
  const Value text = GANNET_TRY(a.runtime.to_string(a[0]));
  const MarkedText& marked = text.marked();
  GANNET_TRY(a.runtime.budget().touch(4 * marked.text.size()));
  TextBuilder made(a.memory());
  size_t done = 0;
  for (size_t at; (at = marked.text.find_first_of("&<>\"'", done)) != std::string::npos; done = at + 1) {
    const char c = marked.text[at];
    made.append(marked, done, at);
    made.like(c == '&'   ? "&amp;"
              : c == '<' ? "&lt;"
              : c == '>' ? "&gt;"
              : c == '"' ? "&#34;"
                         : "&#39;",
              marked, at);
  }
  made.append(marked, done, marked.text.size());
  return made.finish();
}

Result<Value> indent_filter(const Bound& a) {
  const Value text = GANNET_TRY(a.runtime.to_string(a[0]));
  MarkedText by;
  if (a.has(1) && a[1].is_string()) {
    by = a[1].marked();
  } else {
    const int64_t width = std::max<int64_t>(GANNET_TRY(a.integer(1, 4)), 0);
    if (static_cast<size_t>(width) > a.memory()->left()) return a.memory()->refusal();
    by.text.assign(static_cast<size_t>(width), ' ');
  }
  return indent(&a.runtime, text.marked(), by, a.flag(2, false), a.flag(3, false));
}

Result<Value> format_filter(const Bound& a) {
  const Value text = GANNET_TRY(a.runtime.to_string(a[0]));
  if (!a.rest.named.empty() && !a.rest.positional.empty())
    return fault("format takes values by position or by name, not both");
  if (a.rest.named.empty())
    return format_percent(&a.runtime, text.marked(), GANNET_TRY(make_tuple(a.memory(), a.rest.positional)));
  std::vector<DictData::Entry> entries;
  for (const auto& [name, value] : a.rest.named) entries.emplace_back(Value::own_string(name), value);
  return format_percent(&a.runtime, text.marked(), GANNET_TRY(make_dict(a.memory(), std::move(entries))));
}

Result<Value> center_filter(const Bound& a) {
  const Value text = GANNET_TRY(a.runtime.to_string(a[0]));
  return pad(&a.runtime, text.marked(), GANNET_TRY(a.integer(1, 80)), " ", Align::kCenter);
}

Result<Value> wordcount_filter(const Bound& a) {
  const Value text = GANNET_TRY(a.runtime.to_string(a[0]));
  const Value words = GANNET_TRY(split(&a.runtime, text.marked(), nullptr, -1));
  return Value::integer(static_cast<int64_t>(words.items().size()));
}

Result<Value> tojson_filter(const Bound& a) {
  JsonStyle style;
  style.ascii = a.flag(1, false);
  style.sort_keys = a.flag(4, false);
  style.item_separator.text = ", ";
  style.key_separator.text = ": ";
  if (a.has(2) && !a[2].is_none()) {
    style.item_separator.text = ",";
    if (a[2].is_string()) {
      style.indent = a[2].marked();
    } else {
      const int64_t width = GANNET_TRY(a.integer(2, 0));
      if (width > 1000) return fault("tojson cannot indent by more than 1000");
      style.indent = MarkedText{std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' '), {}};
    }
  }
  if (a.has(3) && !a[3].is_none()) {
    if (!a[3].is_list() || a[3].items().size() != 2 || !a[3].items()[0].is_string() ||
        !a[3].items()[1].is_string())
      return fault("tojson wants two strings as `separators`");
    style.item_separator = a[3].items()[0].marked();
    style.key_separator = a[3].items()[1].marked();
  }
  TextBuilder made(a.memory());
  GANNET_TRY(write_json(&a.runtime, &made, a[0], style, 0));
  return made.finish();
}

Result<Value> from_json_filter(const Bound& a) {
  const MarkedText& text = *GANNET_TRY(a.string(0));
  GANNET_TRY(a.runtime.budget().touch(16 * text.text.size()));
  // What is read is not counted one by one: a byte of JSON makes some dozens of bytes of values at most.
  if (text.text.size() > a.memory()->left() / 64) return a.memory()->refusal();
  const Json json = Json::parse(text.text, nullptr, false);
  if (json.is_discarded()) return fault("from_json got a text that is not JSON");
  return Value::from_json(json, !text.foreign.empty());
}

// What int() and float() of Python read, else nothing.
std::string_view trimmed(const Value& value) {
  std::string_view text = value.text();
  text.remove_prefix(leading_space(text));
  text.remove_suffix(trailing_space(text));
  return text;
}

bool read_float(std::string_view text, double* value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Result<Value> truncated(double value, const Value& otherwise) {
  if (!(std::fabs(value) < 9.2e18)) return otherwise;
  return Value::integer(static_cast<int64_t>(value));
}

Result<Value> int_filter(const Bound& a) {
  const Value otherwise = a.has(1) ? a[1] : Value::integer(0);
  const Value& value = a[0];
  if (value.is_undefined()) return fault(value.undefined_reason());
  if (value.is(Type::kFloat)) return truncated(value.as_float(), otherwise);
  if (value.is_number()) return Value::integer(value.to_int());
  if (!value.is_string()) return otherwise;
  GANNET_TRY(a.runtime.budget().touch(value.text().size()));
  const int64_t base = GANNET_TRY(a.integer(2, 10));
  if (base < 2 || base > 36) return fault("int wants a base from 2 to 36");
  std::string_view text = trimmed(value);
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const char prefix = base == 16 ? 'x' : base == 8 ? 'o' : base == 2 ? 'b' : '\0';
  if (prefix != '\0' && digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == prefix)
    digits.remove_prefix(2);
  int64_t number = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, static_cast<int>(base));
  if (error == std::errc() && end == digits.data() + digits.size() && !digits.empty())
    return Value::integer(number);
  double real = 0;
  if (read_float(text, &real)) return truncated(real, otherwise);
  return otherwise;
}

Result<Value> float_filter(const Bound& a) {
  const Value& value = a[0];
  if (value.is_undefined()) return fault(value.undefined_reason());
  if (value.is_number()) return Value::real(value.to_double());
  double real = 0;
  if (value.is_string()) {
    GANNET_TRY(a.runtime.budget().touch(value.text().size()));
    if (read_float(trimmed(value), &real)) return Value::real(real);
  }
  return a.has(1) ? a[1] : Value::real(0);
}

Result<Value> abs_filter(const Bound& a) {
  if (a[0].is(Type::kFloat)) return Value::real(std::fabs(a[0].as_float()));
  if (a[0].is_undefined()) return fault(a[0].undefined_reason());
  if (!a[0].is_number()) return fault(fmt::format("abs needs a number, this is {}", a[0].type_name()));
  return a[0].to_int() < 0 ? negate(a[0]) : Value::integer(a[0].to_int());
}

Result<Value> round_filter(const Bound& a) {
  if (a[0].is_undefined()) return fault(a[0].undefined_reason());
  if (!a[0].is_number()) return fault(fmt::format("round needs a number, this is {}", a[0].type_name()));
  const int64_t precision = std::clamp<int64_t>(GANNET_TRY(a.integer(1, 0)), -300, 300);
  const std::string method = a.has(2) ? GANNET_TRY(a.string(2))->text : "common";
  if (method != "common" && method != "ceil" && method != "floor")
    return fault("round wants common, ceil or floor as `method`");
  const double value = a[0].to_double();
  const bool whole = !a[0].is(Type::kFloat);
  if (method != "common") {
    const double scale = std::pow(10.0, static_cast<double>(precision));
    return Value::real((method == "ceil" ? std::ceil(value * scale) : std::floor(value * scale)) / scale);
  }
  if (whole && precision >= 0) return Value::integer(a[0].to_int());
  if (precision < 0) {
    const double scale = std::pow(10.0, static_cast<double>(-precision));
    const double rounded = std::nearbyint(value / scale) * scale;
    return whole && std::fabs(rounded) < 9e18 ? Value::integer(static_cast<int64_t>(rounded))
                                              : Value::real(rounded);
  }
  // The nearest decimal of the exact value, as Python has it; halves go to even.
  double rounded = 0;
  const std::string digits = fmt::format("{:.{}f}", value, precision);
  std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
  return Value::real(std::isfinite(value) ? rounded : value);
}

constexpr std::array kTextFilters = {
    Builtin{"upper", "value", case_filter<Case::kUpper>},
    Builtin{"lower", "value", case_filter<Case::kLower>},
    Builtin{"capitalize", "value", case_filter<Case::kCapitalize>},
    Builtin{"title", "value", title_filter},
    Builtin{"string", "value", string_filter},
    Builtin{"safe", "value", string_filter},
    Builtin{"trim", "value chars?", trim_filter},
    Builtin{"replace", "value old new count?", replace_filter},
    Builtin{"escape", "value", escape_filter},
    Builtin{"e", "value", escape_filter},
    Builtin{"forceescape", "value", escape_filter},
    Builtin{"indent", "value width? first? blank?", indent_filter},
    Builtin{"format", "value * **", format_filter},
    Builtin{"center", "value width?", center_filter},
    Builtin{"wordcount", "value", wordcount_filter},
    Builtin{"tojson", "value ensure_ascii? indent? separators? sort_keys?", tojson_filter},
    Builtin{"from_json", "value", from_json_filter},
    Builtin{"int", "value default? base?", int_filter},
    Builtin{"float", "value default?", float_filter},
    Builtin{"abs", "value", abs_filter},
    Builtin{"round", "value precision? method?", round_filter},
};

}  // namespace

std::span<const Builtin> text_filters() {
  return kTextFilters;
}

}  // namespace gannet::jinja
