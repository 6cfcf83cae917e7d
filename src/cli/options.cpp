#include "cli/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"

namespace gannet {
namespace {

Error refused(const std::string& said_by, const std::string& text, const std::string& why) {
  return {ErrorCode::kUsage, fmt::format("{} {}: {}", said_by, printable(text), why)};
}

// What users read: "must be at least 0", "must be from 1 to 64".
std::string range_text(const Option& o) {
  if (std::isinf(o.at_least)) return fmt::format("must be at most {}", o.at_most);
  if (std::isinf(o.at_most)) return fmt::format("must be at least {}", o.at_least);
  return fmt::format("must be from {} to {}", o.at_least, o.at_most);
}

template <class T>
Result<T> number_from(const Option& option, const std::string& text, const std::string& said_by) {
  constexpr bool whole = std::is_integral_v<T>;
  const char* begin = text.data() + (text.starts_with('+') && !text.starts_with("+-") ? 1 : 0);
  const char* const end = text.data() + text.size();
  T number{};
  const auto [rest, code] = std::from_chars(begin, end, number);
  if (code == std::errc::result_out_of_range && whole && rest == end) {
    if (std::isinf(option.at_least) && std::isinf(option.at_most))
      return refused(
          said_by, text,
          fmt::format("must be from {} to {}", std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    return refused(said_by, text, std::isinf(option.at_most) ? "is too large a number" : range_text(option));
  }
  if (code != std::errc() || rest != end) {
    // A negative number for an unsigned target is a number all the same.
    const bool digits =
        text.size() > 1 && text[0] == '-' &&
        std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (whole && digits) return refused(said_by, text, range_text(option));
    return refused(said_by, text, whole ? "a whole number is expected" : "a number is expected");
  }
  const auto value = static_cast<double>(number);
  if (!(value >= option.at_least && value <= option.at_most)) {
    if (std::isnan(value)) return refused(said_by, text, "must be a finite number");
    return refused(said_by, text, range_text(option));
  }
  if constexpr (!whole)
    if (std::isinf(value)) return refused(said_by, text, "must be a finite number");
  return number;
}

std::optional<bool> switch_word(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* word : {"on", "true", "1", "yes", "enabled"})
    if (text == word) return true;
  for (const char* word : {"off", "false", "0", "no", "disabled"})
    if (text == word) return false;
  return std::nullopt;
}

Result<bool> switch_from(const std::string& text, const std::string& said_by) {
  if (const auto on = switch_word(text)) return *on;
  return refused(said_by, text, "on or off is expected");
}

}  // namespace

std::vector<std::string> parts(const std::string& text) {
  std::vector<std::string> out;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t comma = std::min(text.find(',', at), text.size());
    out.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return out;
}

std::vector<std::string> option_names(const Option& option) {
  return parts(option.names);
}

std::vector<std::string> environment_names(const Option& option) {
  return *option.environment ? parts(option.environment) : std::vector<std::string>();
}

std::string main_name(const Option& option) {
  const std::vector<std::string> names = option_names(option);
  for (const std::string& name : names)
    if (name.starts_with("--")) return name;
  return names.front();
}

std::string default_text(const Option& option) {
  if (*option.shown_default) return option.shown_default;
  if (option.required || option.is_positional()) return "";
  return std::visit(
      [](auto* target) -> std::string {
        using T = std::remove_pointer_t<decltype(target)>;
        if constexpr (std::is_same_v<T, std::string>)
          return *target;
        else if constexpr (std::is_same_v<T, std::vector<std::string>>)
          return fmt::format("{}", fmt::join(*target, ","));
        else if constexpr (std::is_same_v<T, bool>)
          return *target ? "on" : "";
        else if constexpr (std::is_arithmetic_v<T>)
          return fmt::format("{}", *target);
        else
          return "";  // an optional that nobody set: the help says what happens
      },
      option.target);
}

std::string choice_of(const Option& option, const std::string& text) {
  const auto is_choice = [&](const std::string& word) {
    return std::ranges::find(option.choices, word) != option.choices.end();
  };
  if (is_choice(text)) return text;
  const auto on = switch_word(text);
  const std::string word = on ? *on ? "on" : "off" : "";
  return is_choice(word) ? word : "";
}

Result<void> set_option(const Option& option, const std::string& typed, const std::string& said_by) {
  std::string text = typed;
  if (text.empty() && !option.accepts_empty)
    return Error(ErrorCode::kUsage, fmt::format("{}: is empty; leave it out or give it a value", said_by));
  if (!option.choices.empty()) {
    text = choice_of(option, typed);
    if (text.empty())
      return refused(said_by, typed, fmt::format("must be one of {}", fmt::join(option.choices, ", ")));
  }
  return std::visit(
      [&](auto* target) -> Result<void> {
        using T = std::remove_pointer_t<decltype(target)>;
        if constexpr (std::is_same_v<T, std::optional<std::string>>)
          *target = text;
        else if constexpr (std::is_same_v<T, bool>)
          *target = GANNET_TRY(switch_from(text, said_by));
        else if constexpr (std::is_same_v<T, std::string>)
          *target = text;
        else if constexpr (std::is_same_v<T, std::vector<std::string>>)
          target->push_back(text);
        else if constexpr (std::is_arithmetic_v<T>)
          *target = GANNET_TRY(number_from<T>(option, text, said_by));
        else
          *target = GANNET_TRY(number_from<typename T::value_type>(option, text, said_by));
        return {};
      },
      option.target);
}

}  // namespace gannet
