#include "grammar/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "grammar/schema_reader.h"
#include "grammar/schema_writer.h"

namespace gannet {
namespace {

using namespace json_type;

constexpr size_t kMostRules = 20'000;
constexpr size_t kMostAlternatives = 5'000;
constexpr size_t kMostPatterns = 4;

}  // namespace

ExprId SchemaWriter::add(const std::vector<SchemaRef>& all) {
  if (all.empty()) return json_.value();
  // The same schemas in another order, or twice, say the same.
  std::map<std::string, SchemaRef> sorted;
  for (const SchemaRef& ref : all) sorted.emplace(ref.pointer, ref);
  std::string key;
  for (const auto& [pointer, ref] : sorted) key += pointer + "\n";
  const auto [it, is_new] = rules_.try_emplace(key);
  if (is_new) {
    const std::string& pointer = sorted.begin()->first;
    it->second = g_->add_rule(pointer);
    std::vector<SchemaRef> refs;
    for (const auto& [p, ref] : sorted) refs.push_back(ref);
    todo_.emplace_back(it->second, std::move(refs));
  }
  return g_->rule(it->second);
}

Result<void> SchemaWriter::finish() {
  while (!todo_.empty()) {
    if (rules_.size() > kMostRules)
      return Error(ErrorCode::kUsage,
                   fmt::format("JSON schema: more than {} schemas and combinations of them", kMostRules));
    const auto [rule, refs] = std::move(todo_.back());
    todo_.pop_back();
    pointer_ = refs[0].pointer;
    std::vector<ExprId> ways;
    SchemaFacts facts = GANNET_TRY(reader_.facts(refs));
    const auto all = GANNET_TRY(alternatives(std::move(facts)));
    for (const SchemaFacts& one : all) ways.push_back(GANNET_TRY(write_types(one)));
    g_->define(rule, g_->choice(ways));
  }
  return {};
}

Result<std::vector<SchemaFacts>> SchemaWriter::alternatives(SchemaFacts facts) {
  std::vector<SchemaFacts> all;
  if (facts.choices.empty()) {
    all.push_back(std::move(facts));
    return all;
  }
  const auto shared = facts.choices.back();
  const SchemaFacts::Choice& choice = *shared;
  facts.choices.pop_back();
  std::vector<SchemaFacts> branches;
  for (const SchemaRef& branch : choice.branches) {
    if (++n_alternatives_ > kMostAlternatives)
      return schema_error(choice.pointer,
                          fmt::format("more than {} combinations of alternatives", kMostAlternatives));
    SchemaFacts one = facts;
    std::set<std::string> above = choice.above;
    GANNET_TRY(reader_.document().add(branch, &one, &above));
    branches.push_back(std::move(one));
  }
  if (choice.exactly_one)
    for (size_t i = 0; i < branches.size(); ++i)
      for (size_t j = i + 1; j < branches.size(); ++j)
        if (!GANNET_TRY(reader_.disjoint(branches[i], branches[j])))
          return schema_error(choice.pointer,
                              fmt::format("a value could be right under both {} and {}, which cannot be "
                                          "excluded; use anyOf, or make them differ in a required const",
                                          i, j));
  for (SchemaFacts& branch : branches) {
    auto inner = GANNET_TRY(alternatives(std::move(branch)));
    std::ranges::move(inner, std::back_inserter(all));
  }
  return all;
}

Result<ExprId> SchemaWriter::write_types(const SchemaFacts& f) {
  std::vector<ExprId> ways;
  if (f.values) {
    std::vector<SchemaJson> seen;
    SchemaFacts others = f;  // all but that the value is one of these, which it is
    others.values = nullptr;
    for (const SchemaJson& v : *f.values) {
      if (std::ranges::find(seen, v) != seen.end() || !GANNET_TRY(reader_.valid(others, v))) continue;
      if (f.values->size() < 1000)
        seen.push_back(v);  // to compare more of them takes too long, and they do no harm
      ways.push_back(json_.constant(v));
    }
    return g_->choice(ways);
  }
  const uint8_t types = f.typed || f.mentioned == 0 ? f.types : static_cast<uint8_t>(f.types & f.mentioned);
  const auto denied = [&](const SchemaJson& value) {
    return std::ranges::any_of(f.not_values,
                               [&](auto& list) { return std::ranges::find(*list, value) != list->end(); });
  };
  for (const auto& list : f.not_values)
    for (const SchemaJson& v : *list)
      if ((type_of(v) & types & (kNumber | kArray | kObject)) != 0)
        return schema_error(pointer_ + "/not", "numbers, arrays and objects cannot be denied one by one");
  if ((types & kNull) != 0 && !denied(nullptr)) ways.push_back(json_.null());
  if ((types & kBoolean) != 0)
    for (const bool b : {true, false})
      if (!denied(b)) ways.push_back(g_->literal(b ? "true" : "false"));
  if ((types & kNumber) != 0) ways.push_back(GANNET_TRY(write_number(f, types)));
  if ((types & kString) != 0) ways.push_back(GANNET_TRY(write_string(f)));
  if ((types & kArray) != 0) ways.push_back(write_array(f));
  if ((types & kObject) != 0) ways.push_back(GANNET_TRY(write_object(f)));
  return g_->choice(ways);
}

Result<ExprId> SchemaWriter::write_number(const SchemaFacts& f, uint8_t types) {
  if ((types & kInteger) == 0)
    return schema_error(pointer_ + "/not", "numbers that are no integers cannot be enforced");
  bool whole = (types & kFraction) == 0;
  for (const auto& [factor, pointer] : f.factors) whole |= factor.is_integer();
  const bool bounded = f.range.lower || f.range.upper;
  if (whole) {
    ExprId expr = bounded || !f.factors.empty() ? integers(g_, f.range) : json_.integer();
    for (const auto& [factor, pointer] : f.factors) {
      if (factor.whole == "0" && factor.fraction.find_first_not_of('0') == factor.fraction.size() - 1 &&
          factor.fraction.back() == '1')
        continue;  // 0.1, 0.01: all integers are multiples
      if (!factor.is_integer() || factor.whole.size() > 4 || std::stoul(factor.whole) > kMostFactor)
        return schema_error(
            pointer,
            fmt::format("only whole factors up to {} and 0.1, 0.01, ... can be enforced", kMostFactor));
      if (factor.whole != "1")
        expr = g_->both(expr, multiples(g_, static_cast<uint32_t>(std::stoul(factor.whole))));
    }
    return expr;
  }
  if (!bounded && f.factors.empty()) return json_.number();
  const auto expr = decimals(g_, f.range);
  if (!expr) {
    const auto size = [](const auto& b) { return b ? b->value.whole.size() + b->value.fraction.size() : 0; };
    const bool lower = size(f.range.lower) > size(f.range.upper);
    const bool exclusive = (lower ? f.range.lower : f.range.upper)->exclusive;
    const char* keyword = lower ? (exclusive ? "/exclusiveMinimum" : "/minimum")
                                : (exclusive ? "/exclusiveMaximum" : "/maximum");
    return schema_error(pointer_ + keyword,
                        "the bounds of the number have more digits than can be told apart");
  }
  ExprId result = *expr;
  for (const auto& [factor, pointer] : f.factors) {
    if (factor.whole != "0" || factor.fraction.find_first_not_of('0') != factor.fraction.size() - 1 ||
        factor.fraction.back() != '1')
      return schema_error(
          pointer,
          fmt::format("only whole factors up to {} and 0.1, 0.01, ... can be enforced", kMostFactor));
    ByteSet digits;
    for (size_t b = '0'; b <= '9'; ++b) digits.set(b);
    const ExprId digit = g_->bytes(digits);
    const ExprId places =
        g_->sequence({g_->literal("."), g_->repeat(digit, 1, static_cast<uint32_t>(factor.fraction.size()))});
    result = g_->both(
        result, g_->sequence({g_->optional(g_->literal("-")), g_->repeat(digit, 1), g_->optional(places)}));
  }
  return result;
}

Result<ExprId> SchemaWriter::write_string(const SchemaFacts& f) {
  const bool denied = std::ranges::any_of(f.not_values, [](auto& list) {
    return std::ranges::any_of(*list, [](const SchemaJson& v) { return v.is_string(); });
  });
  if (!f.patterns.empty() || denied) return json_.quoted(GANNET_TRY(reader_.string_content(g_, f)));
  if (f.min_length > f.max_length) return g_->nothing();
  if (f.min_length == 0 && f.max_length == kUnbounded) return json_.string();
  return json_.quoted(g_->repeat(json_.any_char(), f.min_length, f.max_length));
}

ExprId SchemaWriter::write_array(const SchemaFacts& f) {
  if (f.min_items > f.max_items) return g_->nothing();
  size_t n_prefix = 0;
  for (const auto& i : f.items) n_prefix = std::max(n_prefix, i->prefix.size());
  std::vector<ExprId> prefix;
  for (size_t i = 0; i < n_prefix; ++i) prefix.push_back(add(reader_.item(f, i)));
  return json_.array(prefix, add(reader_.item(f, n_prefix)), f.min_items, f.max_items);
}

Result<ExprId> SchemaWriter::write_object(const SchemaFacts& f) {
  if (f.min_members > f.max_members) return g_->nothing();
  if (f.max_members > 1000 && f.max_members != kUnbounded)
    return schema_error(pointer_ + "/maxProperties", "cannot be enforced above 1000");
  std::vector<std::string> names;
  std::set<std::string> known;
  for (const auto& m : f.members)
    for (const auto& [name, ref] : m->named)
      if (known.insert(name).second) names.push_back(name);
  for (const std::string& name : f.required)
    if (known.insert(name).second) names.push_back(name);
  const std::set<std::string> required(f.required.begin(), f.required.end());
  std::optional<SchemaFacts> name_facts;
  if (!f.property_names.empty()) name_facts = GANNET_TRY(reader_.facts(f.property_names));

  std::vector<JsonText::Member> members;
  std::vector<ExprId> keys;
  for (const std::string& name : names) {
    const ExprId key = g_->literal(JsonText::spell(name));
    keys.push_back(key);
    const bool allowed = !name_facts || GANNET_TRY(reader_.valid(*name_facts, SchemaJson(name)));
    const ExprId value = allowed ? add(GANNET_TRY(reader_.member(f, name))) : g_->nothing();
    members.push_back(
        {json_.member(json_.quoted(g_->literal(JsonText::spell(name))), value), required.contains(name)});
  }
  // Counting takes a rule for each place and number.
  const size_t counted = std::max<size_t>(f.min_members, f.max_members == kUnbounded ? 0 : f.max_members);
  if (counted * members.size() > kMostRules)
    return schema_error(
        pointer_ + (f.max_members == kUnbounded ? "/minProperties" : "/maxProperties"),
        fmt::format("cannot be enforced for that many properties (number times properties is limited to {})",
                    kMostRules));
  const auto others = GANNET_TRY(write_others(f, keys, name_facts));
  if (f.min_members > members.size() + (others ? 1 : 0)) {
    if (!others) return g_->nothing();
    return schema_error(pointer_ + "/minProperties", "that many properties without names cannot be enforced");
  }
  return json_.object(members, others, f.min_members, f.max_members);
}

// Members without a name of their own: those that match just some of the patterns, for each such choice.
Result<std::optional<ExprId>> SchemaWriter::write_others(const SchemaFacts& f,
                                                         const std::vector<ExprId>& names,
                                                         const std::optional<SchemaFacts>& name_facts) {
  std::map<std::string, std::string> patterns;  // and where
  for (const auto& m : f.members)
    for (const auto& [pattern, ref] : m->patterns) patterns.emplace(pattern, ref.pointer);
  if (patterns.size() > kMostPatterns)
    return schema_error(pointer_ + "/patternProperties",
                        fmt::format("more than {} patterns cannot be combined", kMostPatterns));
  std::vector<ExprId> ways;
  for (uint32_t chosen = 0; chosen < 1u << patterns.size(); ++chosen) {
    std::set<std::string> matched;
    uint32_t bit = 0;
    for (const auto& [pattern, where] : patterns)
      if ((chosen >> bit++) & 1) matched.insert(pattern);
    std::vector<SchemaRef> all;
    bool forbidden = false;
    for (const auto& m : f.members) {
      const size_t before = all.size();
      for (const auto& [pattern, ref] : m->patterns)
        if (matched.contains(pattern)) all.push_back(ref);
      if (all.size() == before && m->others) all.push_back(*m->others);
    }
    for (const SchemaRef& ref : all) forbidden |= *ref.schema == false;
    if (forbidden) continue;
    if (matched.empty() && patterns.empty() && names.empty() && !name_facts) {
      ways.push_back(json_.member(json_.string(), add(all)));
      continue;
    }
    ExprId key = g_->repeat(JsonText::write_chars(g_, CodePointSet::all()), 0);
    if (name_facts) {
      if (!name_facts->choices.empty())
        return schema_error(pointer_ + "/propertyNames",
                            "alternatives cannot be enforced here; use a pattern");
      if ((name_facts->types & kString) == 0) continue;
      key = GANNET_TRY(reader_.string_content(g_, *name_facts));
    }
    for (const auto& [pattern, where] : patterns) {
      auto expr = add_regex(g_, pattern, JsonText::write_chars, true);
      if (!expr.ok()) return std::move(expr).take_error().with_context("JSON schema, " + where);
      key = matched.contains(pattern) ? g_->both(key, *expr) : g_->except(key, *expr);
    }
    key = g_->except(key, g_->choice(names));
    const RuleId rule = g_->add_rule("key", RuleUse::kCall);
    g_->define(rule, json_.quoted(key));
    ways.push_back(json_.member(g_->rule(rule), add(all)));
  }
  if (ways.empty()) return std::optional<ExprId>();
  return std::optional(g_->choice(ways));
}

static Result<SchemaJson> parse_schema(std::string_view text) {
  if (text.size() > kMaxSchemaBytes)
    return Error(ErrorCode::kUsage, fmt::format("a JSON schema of {} bytes is longer than the limit of {}",
                                                text.size(), kMaxSchemaBytes));
  try {
    return SchemaJson::parse(text);
  } catch (const nlohmann::json::exception& e) {
    return Error(ErrorCode::kUsage, fmt::format("the JSON schema is not JSON: {}", e.what()));
  }
}

Result<Grammar> json_schema_grammar(const SchemaJson& schema, const JsonSchemaOptions& options) {
  GANNET_TRY(check_depth(schema));
  Grammar grammar;
  JsonText json(&grammar, options.space);
  SchemaWriter writer(&grammar, &json, schema);
  const RuleId root = grammar.add_rule("root");
  grammar.define(root, writer.add({{&schema, "#"}}));
  GANNET_TRY(writer.finish());
  return grammar;
}

Result<Grammar> parse_json_schema(std::string_view text, const JsonSchemaOptions& options) {
  const SchemaJson schema = GANNET_TRY(parse_schema(text));
  return json_schema_grammar(schema, options);
}

}  // namespace gannet
