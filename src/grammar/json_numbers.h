// Ranges and multiples of numbers as grammars of how JSON writes them.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "grammar/grammar.h"

namespace gannet {

// A number as its decimal digits, exactly.
struct Decimal {
  bool negative = false;
  std::string whole = "0";  // no leading zeros but for 0 itself
  std::string fraction;     // no trailing zeros

  bool is_zero() const { return whole == "0" && fraction.empty(); }
  bool is_integer() const { return fraction.empty(); }
  static Decimal of(const nlohmann::ordered_json& number);
};

int compare(const Decimal& a, const Decimal& b);

struct NumberBound {
  Decimal value;
  bool exclusive = false;
};

struct NumberRange {
  std::optional<NumberBound> lower, upper;
  bool contains(const Decimal& x) const;
};

// Whole numbers of the range, of at most 18 digits.
ExprId integers(Grammar* grammar, const NumberRange& range);
// Numbers of the range without exponents. Empty: a bound has too many digits to tell its neighbours from it.
std::optional<ExprId> decimals(Grammar* grammar, const NumberRange& range);
// Multiples of `factor`, 1 to kMostFactor, with any number of digits and a sign.
ExprId multiples(Grammar* grammar, uint32_t factor);
inline constexpr uint32_t kMostFactor = 2000;

}  // namespace gannet
