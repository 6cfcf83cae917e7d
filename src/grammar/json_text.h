// How JSON is written in a grammar: white space, strings, numbers, any value, constants, objects and arrays
// of given members. Must not know: schemas.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/json_schema.h"

namespace gannet {

class JsonText {
 public:
  JsonText(Grammar* grammar, JsonSpace space) : g_(grammar), some_space_(space == JsonSpace::kSome) {}

  ExprId space();
  ExprId value();   // any
  ExprId object();  // any
  ExprId array();   // any
  ExprId string();  // any, with every escape that JSON has
  ExprId integer();
  ExprId number();
  ExprId boolean() { return g_->choice({g_->literal("true"), g_->literal("false")}); }
  ExprId null() { return g_->literal("null"); }

  // One character of a string, with every escape.
  ExprId any_char();
  // Characters of a string, with escapes only where they must be: each has one spelling.
  static ExprId write_chars(Grammar* grammar, const CodePointSet& set);
  static std::string spell(std::string_view text);  // the same for a text; without quotes
  ExprId quoted(ExprId content) { return g_->sequence({g_->literal("\""), content, g_->literal("\"")}); }

  ExprId constant(const nlohmann::ordered_json& value);

  ExprId member(ExprId key, ExprId value) { return g_->sequence({key, g_->literal(":"), space(), value}); }

  struct Member {
    ExprId text;  // key and value
    bool required;
  };
  // The members in their order, then any number of `others`.
  ExprId object(std::span<const Member> members, std::optional<ExprId> others, uint32_t min, uint32_t max);
  // `prefix`, then any number of `others`.
  ExprId array(std::span<const ExprId> prefix, std::optional<ExprId> others, uint32_t min, uint32_t max);

 private:
  ExprId rule(std::optional<RuleId>* rule, const char* name, ExprId (JsonText::*body)());
  ExprId space_body();
  ExprId string_body();
  ExprId value_body();
  ExprId object_body();
  ExprId array_body();
  ExprId number_body();

  Grammar* g_;
  bool some_space_;
  std::optional<RuleId> space_, string_, value_, object_, array_, number_;
};

inline constexpr uint32_t kMostIntegerDigits = 18;
inline constexpr uint32_t kMostNumberDigits = 15;

}  // namespace gannet
