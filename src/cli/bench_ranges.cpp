#include "cli/bench_ranges.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

namespace gannet {
namespace {

// Reads digits from the front of `text` and drops them; false when there are none or the number is too large.
bool take_number(std::string_view& text, int64_t& number) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

Error bad_value(const std::string& flag, std::string_view text) {
  return Error(ErrorCode::kUsage,
               fmt::format("{} {}: expected numbers such as 8, 1,2,4, 1-8, 16-64+16 or 1-64*2", flag, text));
}

Result<void> add_range(const std::string& flag, std::string_view text, std::vector<int64_t>& out) {
  const std::string_view whole = text;
  int64_t first = 0, last = 0, step = 1;
  bool times = false;
  if (!take_number(text, first)) return bad_value(flag, whole);
  last = first;
  if (!text.empty()) {
    if (text[0] != '-') return bad_value(flag, whole);
    text.remove_prefix(1);
    if (!take_number(text, last)) return bad_value(flag, whole);
  }
  if (!text.empty()) {
    times = text[0] == '*';
    if (!times && text[0] != '+') return bad_value(flag, whole);
    text.remove_prefix(1);
    if (!take_number(text, step) || !text.empty()) return bad_value(flag, whole);
  }
  if (last < first)
    return Error(ErrorCode::kUsage, fmt::format("{} {}: the range ends before it begins", flag, whole));
  if (times ? step < 2 || first == 0 : step == 0)
    return Error(ErrorCode::kUsage, fmt::format("{} {}: with this step the range never ends", flag, whole));
  for (int64_t value = first;;) {
    if (out.size() == kMaxBenchValues)
      return Error(ErrorCode::kUsage, fmt::format("{}: more than {} values", flag, kMaxBenchValues));
    out.push_back(value);
    int64_t next = 0;
    const bool too_large =
        times ? __builtin_mul_overflow(value, step, &next) : __builtin_add_overflow(value, step, &next);
    if (too_large || next > last) return {};
    value = next;
  }
}

}  // namespace

std::vector<std::string> split_bench_words(const std::vector<std::string>& values) {
  std::vector<std::string> words;
  for (const std::string& value : values) {
    for (size_t at = 0; at <= value.size();) {
      const size_t comma = std::min(value.find(',', at), value.size());
      if (comma > at) words.push_back(value.substr(at, comma - at));
      at = comma + 1;
    }
  }
  return words;
}

Result<std::vector<int64_t>> parse_bench_numbers(const std::string& flag,
                                                 const std::vector<std::string>& values) {
  std::vector<int64_t> numbers;
  for (const std::string& word : split_bench_words(values)) GANNET_TRY(add_range(flag, word, numbers));
  if (numbers.empty() && !values.empty()) return bad_value(flag, values[0]);
  return numbers;
}

Result<std::vector<std::pair<int64_t, int64_t>>> parse_bench_pairs(const std::string& flag,
                                                                   const std::vector<std::string>& values) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (const std::string& value : values) {
    std::string_view text = value;
    std::pair<int64_t, int64_t> pair;
    const bool first = take_number(text, pair.first) && !text.empty() && text[0] == ',';
    if (first) text.remove_prefix(1);
    if (!first || !take_number(text, pair.second) || !text.empty())
      return Error(ErrorCode::kUsage,
                   fmt::format("{} {}: expected prompt and generated tokens, such as 512,128", flag, value));
    pairs.push_back(pair);
  }
  return pairs;
}

}  // namespace gannet
