// What a conjunction of JSON schemas says about a value, gathered keyword by keyword. Must not know:
// grammars.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"
#include "grammar/json_numbers.h"

namespace gannet {

using SchemaJson = nlohmann::ordered_json;

// A schema and where it is in the document ("#/properties/a").
struct SchemaRef {
  const SchemaJson* schema;
  std::string pointer;
  friend bool operator<(const SchemaRef& a, const SchemaRef& b) { return a.pointer < b.pointer; }
};

namespace json_type {
inline constexpr uint8_t kNull = 1, kBoolean = 2, kInteger = 4, kFraction = 8, kString = 16, kArray = 32,
                         kObject = 64;
inline constexpr uint8_t kNumber = kInteger | kFraction, kAll = 127;
}  // namespace json_type

// Facts are copied for each alternative, so what may be large is shared by the copies.
struct SchemaFacts {
  using Values = std::shared_ptr<const std::vector<SchemaJson>>;
  uint8_t types = json_type::kAll;
  bool typed = false;     // a keyword said so
  uint8_t mentioned = 0;  // types that other keywords are about
  Values values;          // enum, const; null: any
  std::vector<Values> not_values;

  NumberRange range;
  std::vector<std::pair<Decimal, std::string>> factors;  // multipleOf, and where

  uint32_t min_length = 0, max_length = kUnbounded;
  struct Pattern {
    std::string text;
    bool whole;  // it says all of the string, not a part
    std::string pointer;
  };
  std::vector<Pattern> patterns;

  struct Items {
    std::vector<SchemaRef> prefix;
    std::optional<SchemaRef> others;
  };
  std::vector<std::shared_ptr<const Items>> items;
  uint32_t min_items = 0, max_items = kUnbounded;

  struct Members {
    std::vector<std::pair<std::string, SchemaRef>> named;
    std::vector<std::pair<std::string, SchemaRef>> patterns;
    std::optional<SchemaRef> others;
  };
  std::vector<std::shared_ptr<const Members>> members;
  std::vector<std::string> required;
  std::vector<SchemaRef> property_names;
  uint32_t min_members = 0, max_members = kUnbounded;

  // anyOf and oneOf: one branch each, chosen later. `above` are the schemas that the choice is part of.
  struct Choice {
    std::vector<SchemaRef> branches;
    bool exactly_one;
    std::string pointer;
    std::set<std::string> above;
  };
  std::vector<std::shared_ptr<const Choice>> choices;

  bool none() const { return types == 0 || (values && values->empty()); }
};

class SchemaDocument {
 public:
  explicit SchemaDocument(const SchemaJson& root) : root_(root) {}

  // Adds what `ref` says. Errors (kUsage) name keyword and place.
  Result<void> add(const SchemaRef& ref, SchemaFacts* facts) {
    std::set<std::string> above;
    return add(ref, facts, &above);
  }
  Result<void> add(const SchemaRef& ref, SchemaFacts* facts, std::set<std::string>* above);

 private:
  Result<void> add_keywords(const SchemaRef& ref, SchemaFacts* facts, std::set<std::string>* above);
  Result<void> add_type(const SchemaRef& ref, SchemaFacts* facts);
  Result<void> add_values(const SchemaRef& ref, SchemaFacts* facts);
  Result<void> add_number(const SchemaRef& ref, SchemaFacts* facts);
  Result<void> add_string(const SchemaRef& ref, SchemaFacts* facts);
  Result<void> add_array(const SchemaRef& ref, SchemaFacts* facts);
  Result<void> add_object(const SchemaRef& ref, SchemaFacts* facts);
  Result<void> add_not(const SchemaRef& ref, SchemaFacts* facts);
  Result<SchemaRef> find(const SchemaRef& from);

  const SchemaJson& root_;
  int n_added_ = 0;  // schemas that refer to others twice at every level would never end
};

// Refuses (kUsage) what is nested deeper than kMaxJsonDepth: everything else may go down by recursion.
Result<void> check_depth(const SchemaJson& json);

// "#/a/b: keyword: what".
Error schema_error(const std::string& pointer, const std::string& what);

}  // namespace gannet
