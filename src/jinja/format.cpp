// The two ways of Python to format: "%d of %s" % values, and "{} of {name:>8}".format(...).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>

#include "jinja/builtins.h"
#include "jinja/runtime.h"
#include "jinja/text_ops.h"
#include "jinja/unicode.h"

namespace gannet::jinja {
namespace {

struct Spec {
  std::string fill = " ";
  char align = '\0';  // < > ^ =; by default text stands left and numbers right
  char sign = '-';
  bool alternate = false, comma = false;
  int64_t width = 0;
  int precision = -1;
  char type = '\0';
};

constexpr int kMaxPrecision = 300;

Result<int64_t> read_number(std::string_view* rest, int64_t otherwise) {
  size_t n = 0;
  while (n < rest->size() && (*rest)[n] >= '0' && (*rest)[n] <= '9') ++n;
  if (n == 0) return otherwise;
  int64_t value = 0;
  const auto error = std::from_chars(rest->data(), rest->data() + n, value).ec;
  rest->remove_prefix(n);
  if (error != std::errc() || value > INT32_MAX) return fault("a width in the format is too large");
  return value;
}

Result<void> read_precision(std::string_view* rest, Spec* spec) {
  if (rest->empty() || rest->front() != '.') return {};
  rest->remove_prefix(1);
  const int64_t precision = GANNET_TRY(read_number(rest, 0));
  if (precision > kMaxPrecision && !rest->empty() && rest->front() != 's')
    return fault(fmt::format("a precision in the format is above {}", kMaxPrecision));
  spec->precision = static_cast<int>(precision);
  return {};
}

// The digits of a number without its sign.
Result<std::string> digits_of(const Value& value, const Spec& spec) {
  const char type = spec.type;
  const bool real_type = type != '\0' && std::string_view("fFeEgG%").find(type) != std::string_view::npos;
  if (!real_type && !value.is(Type::kFloat)) {
    const int64_t number = value.to_int();
    const uint64_t size = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    switch (type) {
      case '\0':
      case 'd':
      case 'i':
      case 'u':
      case 'n':
        return spec.comma ? fmt::format(fmt::runtime("{}"), size) : std::to_string(size);
      case 'x':
        return fmt::format(fmt::runtime(spec.alternate ? "{:#x}" : "{:x}"), size);
      case 'X':
        return fmt::format(fmt::runtime(spec.alternate ? "{:#X}" : "{:X}"), size);
      case 'b':
        return fmt::format(fmt::runtime(spec.alternate ? "{:#b}" : "{:b}"), size);
      case 'o':
        return (spec.alternate ? "0o" : "") + fmt::format("{:o}", size);
      default:
        return fault(fmt::format("the format `{}` does not fit an int", type));
    }
  }
  const double number = std::fabs(value.to_double());
  if (type == '\0' && spec.precision < 0) return float_text(number);
  if (type != '\0' && !real_type) return fault(fmt::format("the format `{}` does not fit a float", type));
  const char printed = type == '%' ? 'f' : type == '\0' ? 'g' : type;
  const char format[] = {'%', '.', '*', printed, '\0'};
  std::array<char, 1024> buffer;
  const int n = std::snprintf(buffer.data(), buffer.size(), format, spec.precision < 0 ? 6 : spec.precision,
                              type == '%' ? number * 100 : number);
  if (n < 0 || static_cast<size_t>(n) >= buffer.size()) return fault("the formatted number is too long");
  return std::string(buffer.data(), static_cast<size_t>(n)) + (type == '%' ? "%" : "");
}

void group_thousands(std::string* digits) {
  const size_t whole = std::min(digits->find_first_not_of("0123456789"), digits->size());
  for (size_t at = whole; at > 3; at -= 3) digits->insert(at - 3, ",");
}

Result<void> write_number(Runtime* runtime, TextBuilder* out, const Value& value, const Spec& spec) {
  std::string digits = GANNET_TRY(digits_of(value, spec));
  if (spec.comma) group_thousands(&digits);
  const bool negative = value.is(Type::kFloat) ? std::signbit(value.as_float()) : value.to_int() < 0;
  const std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  const char align = spec.align == '\0' ? '>' : spec.align;
  if (align == '=') {
    out->own(sign);
    const auto rest = spec.width - static_cast<int64_t>(sign.size());
    const Value padded = GANNET_TRY(pad(runtime, {digits, {}}, rest, spec.fill, Align::kRight));
    out->append(padded.marked());
    return {};
  }
  const Align side = align == '>' ? Align::kRight : align == '^' ? Align::kMiddle : Align::kLeft;
  const Value padded = GANNET_TRY(pad(runtime, {sign + digits, {}}, spec.width, spec.fill, side));
  out->append(padded.marked());
  return {};
}

Result<void> write_text(Runtime* runtime, TextBuilder* out, Value text, const Spec& spec) {
  if (spec.precision >= 0)
    text = GANNET_TRY(make_slice(runtime->memory(), text.marked(), 0,
                                 character_offset(text.text(), static_cast<size_t>(spec.precision))));
  const Align side = spec.align == '>' ? Align::kRight : spec.align == '^' ? Align::kMiddle : Align::kLeft;
  const Value padded = GANNET_TRY(pad(runtime, text.marked(), spec.width, spec.fill, side));
  out->append(padded.marked());
  return {};
}

Result<Value> quoted(Runtime* runtime, const Value& value) {
  TextBuilder made(runtime->memory());
  GANNET_TRY(runtime->write_quoted(&made, value, 0));
  return made.finish();
}

// One conversion of the % kind behind its `%`; takes it off `rest`.
Result<void> write_conversion(Runtime* runtime, TextBuilder* out, std::string_view* rest, const Value& values,
                              size_t* used) {
  const Value* value = nullptr;
  if (rest->starts_with('(')) {
    const size_t end = rest->find(')');
    if (end == std::string_view::npos || !values.is_dict()) return fault("a format with names needs a dict");
    value = values.as_dict().find(rest->substr(1, end - 1));
    if (value == nullptr) return fault(fmt::format("there is no value named `{}`", rest->substr(1, end - 1)));
    rest->remove_prefix(end + 1);
  }
  Spec spec;
  for (; !rest->empty(); rest->remove_prefix(1)) {
    const char c = rest->front();
    if (c == '-')
      spec.align = '<';
    else if (c == '0')
      spec.fill = "0";
    else if (c == '+' || (c == ' ' && spec.sign != '+'))
      spec.sign = c;
    else if (c == '#')
      spec.alternate = true;
    else if (c != ' ')
      break;
  }
  spec.width = GANNET_TRY(read_number(rest, 0));
  GANNET_TRY(read_precision(rest, &spec));
  if (rest->empty()) return fault("the format ends within a conversion");
  spec.type = rest->front();
  rest->remove_prefix(1);
  if (spec.type == '%') {
    out->own("%");
    return {};
  }
  if (value == nullptr) {
    const bool several = values.is_list() && values.as_list().is_tuple;
    if (*used >= (several ? values.items().size() : 1)) return fault("the format needs more values");
    value = several ? &values.items()[*used] : &values;
    ++*used;
  }
  if (spec.align == '<' || spec.type == 's' || spec.type == 'r')
    spec.fill = " ";
  else if (spec.fill == "0")
    spec.align = '=';
  if (spec.type == 's' || spec.type == 'r') {
    if (spec.align == '\0') spec.align = '>';
    return write_text(runtime, out,
                      GANNET_TRY(spec.type == 's' ? runtime->to_string(*value) : quoted(runtime, *value)),
                      spec);
  }
  if (value->is_undefined()) return fault(value->undefined_reason());
  if (!value->is_number())
    return fault(fmt::format("the format %{} needs a number, this is {}", spec.type, value->type_name()));
  const bool whole = std::string_view("diu").find(spec.type) != std::string_view::npos;
  if (whole && value->is(Type::kFloat)) {
    if (!(std::fabs(value->as_float()) < 9e18)) return fault("the number is too large for the format %d");
    return write_number(runtime, out, Value::integer(static_cast<int64_t>(value->as_float())), spec);
  }
  return write_number(runtime, out, *value, spec);
}

Result<Spec> parse_spec(std::string_view rest) {
  Spec spec;
  const auto is_align = [](std::string_view at) {
    return !at.empty() && std::string_view("<>^=").find(at.front()) != std::string_view::npos;
  };
  if (!rest.empty()) {
    const size_t first = first_character(rest).length;
    if (is_align(rest.substr(first))) {
      spec.fill = rest.substr(0, first);
      rest.remove_prefix(first);
    }
  }
  if (is_align(rest)) {
    spec.align = rest.front();
    rest.remove_prefix(1);
  }
  if (!rest.empty() && std::string_view("+- ").find(rest.front()) != std::string_view::npos) {
    spec.sign = rest.front();
    rest.remove_prefix(1);
  }
  if (rest.starts_with('#')) {
    spec.alternate = true;
    rest.remove_prefix(1);
  }
  if (rest.starts_with('0')) {
    spec.fill = "0";
    if (spec.align == '\0') spec.align = '=';
    rest.remove_prefix(1);
  }
  spec.width = GANNET_TRY(read_number(&rest, 0));
  if (rest.starts_with(',')) {
    spec.comma = true;
    rest.remove_prefix(1);
  }
  GANNET_TRY(read_precision(&rest, &spec));
  if (!rest.empty()) {
    spec.type = rest.front();
    rest.remove_prefix(1);
  }
  if (!rest.empty()) return fault(fmt::format("the format ends in `{}`, which is not understood", rest));
  return spec;
}

// The value of `0`, `name`, `name.attribute`, `0[key]` or nothing at all.
Result<Value> field_value(Runtime* runtime, std::string_view field, const Arguments& arguments,
                          size_t* next) {
  const size_t name_end = std::min(field.find_first_of(".["), field.size());
  std::string_view name = field.substr(0, name_end), rest = field.substr(name_end);
  Value value;
  size_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  const bool number = error == std::errc() && end == name.data() + name.size();
  if (name.empty() || number) {
    if (!number) index = (*next)++;
    if (index >= arguments.positional.size()) return fault("the format needs more values");
    value = arguments.positional[index];
  } else {
    const auto named = std::find_if(arguments.named.begin(), arguments.named.end(),
                                    [&](const auto& argument) { return argument.first == name; });
    if (named == arguments.named.end()) return fault(fmt::format("there is no value named `{}`", name));
    value = named->second;
  }
  while (!rest.empty()) {
    const bool bracket = rest.front() == '[';
    const size_t stop = bracket ? rest.find(']') : std::min(rest.find_first_of(".[", 1), rest.size());
    if (stop == std::string_view::npos) return fault("a `[` in the format is not closed");
    const Value key = Value::own_string(std::string(rest.substr(1, stop - 1)));
    value = GANNET_TRY(bracket ? runtime->attribute_path(value, key) : runtime->attribute(value, key.text()));
    rest.remove_prefix(bracket ? stop + 1 : stop);
    if (bracket && !rest.empty() && rest.front() != '.' && rest.front() != '[')
      return fault("a `]` in the format is followed by neither `.` nor `[`");
  }
  return value;
}

Result<void> write_field(Runtime* runtime, TextBuilder* out, std::string_view field,
                         const Arguments& arguments, size_t* next) {
  const size_t colon = std::min(field.find(':'), field.size());
  std::string_view what = field.substr(0, colon);
  const Spec spec =
      GANNET_TRY(parse_spec(colon < field.size() ? field.substr(colon + 1) : std::string_view()));
  char conversion = '\0';
  if (what.size() >= 2 && what[what.size() - 2] == '!') {
    conversion = what.back();
    what.remove_suffix(2);
    if (conversion != 's' && conversion != 'r')
      return fault(fmt::format("the conversion !{} is not understood", conversion));
  }
  const Value value = GANNET_TRY(field_value(runtime, what, arguments, next));
  const bool plain_bool = value.is(Type::kBool) && spec.type == '\0';
  if (value.is_number() && !plain_bool && conversion == '\0' && spec.type != 's')
    return write_number(runtime, out, value, spec);
  if (spec.type != '\0' && spec.type != 's')
    return fault(fmt::format("the format `{}` does not fit {}", spec.type, value.type_name()));
  return write_text(runtime, out,
                    GANNET_TRY(conversion == 'r' ? quoted(runtime, value) : runtime->to_string(value)), spec);
}

}  // namespace

Result<Value> format_percent(Runtime* runtime, const MarkedText& format, const Value& values) {
  GANNET_TRY(runtime->budget().touch(4 * format.text.size()));
  const std::string_view all = format.text;
  TextBuilder made(runtime->memory());
  size_t at = 0, used = 0;
  for (size_t found; (found = all.find('%', at)) != std::string_view::npos;) {
    made.append(format, at, found);
    std::string_view rest = all.substr(found + 1);
    GANNET_TRY(write_conversion(runtime, &made, &rest, values, &used));
    GANNET_TRY(runtime->budget().step());
    at = all.size() - rest.size();
  }
  made.append(format, at, all.size());
  const bool several = values.is_list() && values.as_list().is_tuple;
  if (!values.is_dict() && used < (several ? values.items().size() : 1))
    return fault("the format does not use all of its values");
  return made.finish();
}

Result<Value> format_braces(Runtime* runtime, const MarkedText& format, const Arguments& arguments) {
  GANNET_TRY(runtime->budget().touch(4 * format.text.size()));
  const std::string_view all = format.text;
  TextBuilder made(runtime->memory());
  size_t at = 0, next = 0;
  for (size_t found; (found = all.find_first_of("{}", at)) != std::string_view::npos;) {
    made.append(format, at, found);
    if (all.substr(found + 1, 1) == all.substr(found, 1)) {  // doubled: the character itself
      made.append(format, found, found + 1);
      at = found + 2;
      continue;
    }
    const size_t end = all.find('}', found);
    if (all[found] == '}' || end == std::string_view::npos)
      return fault("a brace in the format stands alone");
    const std::string_view field = all.substr(found + 1, end - found - 1);
    if (field.find('{') != std::string_view::npos) return fault("formats within formats are not supported");
    GANNET_TRY(write_field(runtime, &made, field, arguments, &next));
    GANNET_TRY(runtime->budget().step());
    at = end + 1;
  }
  made.append(format, at, all.size());
  return made.finish();
}

}  // namespace gannet::jinja
