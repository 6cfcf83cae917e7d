#include "grammar/json_numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "grammar/json_text.h"

namespace gannet {
namespace {

ExprId digits(Grammar* g, char first, char last) {
  ByteSet set;
  for (char c = first; c <= last; ++c) set.set(static_cast<uint8_t>(c));
  return g->bytes(set);
}
ExprId digit(Grammar* g) {
  return digits(g, '0', '9');
}

int compare_magnitude(const Decimal& a, const Decimal& b) {
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -1 : 1;
  if (const int c = a.whole.compare(b.whole); c != 0) return c;
  return a.fraction.compare(b.fraction);
}

// Texts of as many digits as `low` and `high` have, from one to the other.
ExprId same_length(Grammar* g, std::string_view low, std::string_view high) {
  if (low.empty()) return g->empty();
  const auto rest = static_cast<uint32_t>(low.size() - 1);
  if (low[0] == high[0] && rest > 0 &&
      (low.find_first_not_of('0', 1) != std::string_view::npos ||
       high.find_first_not_of('9', 1) != std::string_view::npos))
    return g->sequence({digits(g, low[0], low[0]), same_length(g, low.substr(1), high.substr(1))});
  // Behind the first digits of the bounds themselves not all digits may come; behind those between, all may.
  const bool all_above = low.find_first_not_of('0', 1) == std::string_view::npos;
  const bool all_below = high.find_first_not_of('9', 1) == std::string_view::npos;
  std::vector<ExprId> ways;
  if (!all_above)
    ways.push_back(
        g->sequence({digits(g, low[0], low[0]), same_length(g, low.substr(1), std::string(rest, '9'))}));
  if (!all_below)
    ways.push_back(
        g->sequence({digits(g, high[0], high[0]), same_length(g, std::string(rest, '0'), high.substr(1))}));
  const char from = static_cast<char>(low[0] + (all_above ? 0 : 1)),
             to = static_cast<char>(high[0] - (all_below ? 0 : 1));
  if (from <= to) ways.push_back(g->sequence({digits(g, from, to), g->repeat(digit(g), rest, rest)}));
  return g->choice(ways);
}

// 0 <= low, high < 10^18.
ExprId between(Grammar* g, int64_t low, int64_t high) {
  std::vector<ExprId> ways;
  for (int64_t from = low; from <= high;) {
    const std::string first = std::to_string(from);
    const int64_t longest = std::strtoll(std::string(first.size(), '9').c_str(), nullptr, 10);
    const int64_t to = std::min(high, longest);
    ways.push_back(same_length(g, first, std::to_string(to)));
    from = to + 1;
  }
  return g->choice(ways);
}

constexpr int64_t kLargest = 999'999'999'999'999'999;

// The largest whole number that is at most x (or less than it), kept within what is written.
int64_t floor_of(const Decimal& x, bool exclusive) {
  int64_t whole =
      x.whole.size() > kMostIntegerDigits ? kLargest + 1 : std::strtoll(x.whole.c_str(), nullptr, 10);
  if (x.negative) whole = -whole - (x.fraction.empty() ? 0 : 1);
  if (exclusive && x.fraction.empty()) --whole;
  return whole;
}
int64_t ceil_of(Decimal x, bool exclusive) {
  x.negative = !x.negative;
  return -floor_of(x, exclusive);
}

// Texts without sign: a whole part of at most 15 digits and at most `places` digits behind the point.
class Magnitudes {
 public:
  Magnitudes(Grammar* grammar, uint32_t places) : g_(grammar), places_(places) {}

  ExprId all() { return g_->sequence({between(g_, 0, kMostWhole), g_->optional(some(any_digits()))}); }

  ExprId at_least(const Decimal& x, bool exclusive) {
    if (x.whole.size() > kMostNumberDigits) return g_->nothing();
    const int64_t whole = std::strtoll(x.whole.c_str(), nullptr, 10);
    const ExprId larger =
        g_->sequence({between(g_, whole + 1, kMostWhole), g_->optional(some(any_digits()))});
    ExprId tail = exclusive ? nonzero_digits() : any_digits();
    for (size_t i = x.fraction.size(); i-- > 0;) {
      const char d = x.fraction[i];
      tail = g_->sequence({digits(g_, d, d), tail});
      if (d < '9')
        tail = g_->choice({tail, g_->sequence({digits(g_, static_cast<char>(d + 1), '9'), any_digits()})});
    }
    ExprId fraction = some(tail);
    if (x.fraction.empty() && !exclusive) fraction = g_->optional(fraction);
    return g_->choice({larger, g_->sequence({g_->literal(x.whole), fraction})});
  }

  ExprId at_most(const Decimal& x, bool exclusive) {
    if (x.whole.size() > kMostNumberDigits) return all();
    const int64_t whole = std::strtoll(x.whole.c_str(), nullptr, 10);
    const ExprId smaller = g_->sequence({between(g_, 0, whole - 1), g_->optional(some(any_digits()))});
    ExprId tail = exclusive ? g_->nothing() : g_->repeat(g_->literal("0"), 0);
    for (size_t i = x.fraction.size(); i-- > 0;) {
      const char d = x.fraction[i];
      tail = g_->sequence({digits(g_, d, d), tail});
      if (d > '0')
        tail = g_->choice({tail, g_->sequence({digits(g_, '0', static_cast<char>(d - 1)), any_digits()})});
      tail = g_->optional(tail);  // a shorter text is less: the fraction ends with a digit that is not 0
    }
    ExprId fraction = some(tail);
    if (!x.fraction.empty() || !exclusive) fraction = g_->optional(fraction);
    return g_->choice({smaller, g_->sequence({g_->literal(x.whole), fraction})});
  }

 private:
  static constexpr int64_t kMostWhole = 999'999'999'999'999;
  ExprId any_digits() { return g_->repeat(digit(g_), 0); }
  ExprId nonzero_digits() {
    return g_->sequence({g_->repeat(g_->literal("0"), 0), digits(g_, '1', '9'), any_digits()});
  }
  ExprId some(ExprId tail) {
    return g_->sequence({g_->literal("."), g_->both(tail, g_->repeat(digit(g_), 1, places_))});
  }

  Grammar* g_;
  uint32_t places_;
};

}  // namespace

Decimal Decimal::of(const nlohmann::ordered_json& number) {
  std::string text = number.is_number_float()      ? fmt::format("{}", number.get<double>())
                     : number.is_number_unsigned() ? fmt::format("{}", number.get<uint64_t>())
                                                   : fmt::format("{}", number.get<int64_t>());
  Decimal d;
  if (text[0] == '-') {
    d.negative = true;
    text.erase(0, 1);
  }
  int exponent = 0;
  if (const size_t e = text.find('e'); e != std::string::npos) {
    exponent = std::atoi(text.c_str() + e + 1);
    text.erase(e);
  }
  std::string all = text;
  size_t point = text.find('.');
  if (point == std::string::npos)
    point = text.size();
  else
    all.erase(point, 1);
  // The point moves; zeros fill up.
  int place = static_cast<int>(point) + exponent;
  if (place < 0) all.insert(0, static_cast<size_t>(-place), '0'), place = 0;
  if (static_cast<size_t>(place) > all.size()) all.append(static_cast<size_t>(place) - all.size(), '0');
  d.whole = all.substr(0, static_cast<size_t>(place));
  d.fraction = all.substr(static_cast<size_t>(place));
  d.whole.erase(0, std::min(d.whole.find_first_not_of('0'), d.whole.size()));
  if (d.whole.empty()) d.whole = "0";
  while (!d.fraction.empty() && d.fraction.back() == '0') d.fraction.pop_back();
  if (d.is_zero()) d.negative = false;
  return d;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  return a.negative ? -compare_magnitude(a, b) : compare_magnitude(a, b);
}

bool NumberRange::contains(const Decimal& x) const {
  if (lower) {
    const int c = compare(x, lower->value);
    if (c < 0 || (c == 0 && lower->exclusive)) return false;
  }
  if (upper) {
    const int c = compare(x, upper->value);
    if (c > 0 || (c == 0 && upper->exclusive)) return false;
  }
  return true;
}

ExprId integers(Grammar* g, const NumberRange& range) {
  int64_t low = -kLargest, high = kLargest;
  if (range.lower) low = std::max(low, ceil_of(range.lower->value, range.lower->exclusive));
  if (range.upper) high = std::min(high, floor_of(range.upper->value, range.upper->exclusive));
  std::vector<ExprId> ways;
  if (low < 0 && low <= high)
    ways.push_back(g->sequence({g->literal("-"), between(g, std::max<int64_t>(1, -high), -low)}));
  if (high >= 0 && low <= high) ways.push_back(between(g, std::max<int64_t>(low, 0), high));
  return g->choice(ways);
}

std::optional<ExprId> decimals(Grammar* g, const NumberRange& range) {
  // A reader that knows 15 digits must see on which side of a bound a number is.
  size_t whole = 1, fraction = 0;
  for (const auto& bound : {range.lower, range.upper})
    if (bound && bound->value.whole.size() <= kMostNumberDigits) {
      whole = std::max(whole, bound->value.whole.size());
      fraction = std::max(fraction, bound->value.fraction.size());
    }
  if (whole + fraction > kMostNumberDigits) return std::nullopt;
  const size_t places =
      std::max<size_t>(1, std::min<size_t>(kMostNumberDigits - whole, std::max<size_t>(fraction, 9)));
  Magnitudes m(g, static_cast<uint32_t>(places));
  std::vector<ExprId> ways;
  const auto zero = Decimal();
  const bool lower_negative = !range.lower || range.lower->value.negative;
  const bool upper_negative = range.upper && range.upper->value.negative;
  if (!upper_negative) {
    ExprId texts = range.upper ? m.at_most(range.upper->value, range.upper->exclusive) : m.all();
    if (!lower_negative) texts = g->both(texts, m.at_least(range.lower->value, range.lower->exclusive));
    ways.push_back(texts);
  }
  if (lower_negative) {
    ExprId texts =
        upper_negative ? m.at_least(range.upper->value, range.upper->exclusive) : m.at_least(zero, true);
    if (range.lower) texts = g->both(texts, m.at_most(range.lower->value, range.lower->exclusive));
    ways.push_back(g->sequence({g->literal("-"), texts}));
  }
  return g->choice(ways);
}

ExprId multiples(Grammar* g, uint32_t factor) {
  std::vector<RuleId> rules;
  for (uint32_t r = 0; r < factor; ++r) rules.push_back(g->add_rule("remainder", RuleUse::kLink));
  for (uint32_t r = 0; r < factor; ++r) {
    std::vector<ExprId> ways;
    if (r == 0) ways.push_back(g->empty());
    for (uint32_t d = 0; d < 10; ++d)
      ways.push_back(g->sequence({digits(g, static_cast<char>('0' + d), static_cast<char>('0' + d)),
                                  g->rule(rules[(r * 10 + d) % factor])}));
    g->define(rules[r], g->choice(ways));
  }
  return g->sequence({g->optional(g->literal("-")), g->rule(rules[0])});
}

}  // namespace gannet
