#include "grammar/schema_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "grammar/json_formats.h"
#include "grammar/json_schema.h"
#include "text/vocabulary.h"

namespace gannet {
namespace {

using namespace json_type;

constexpr uint32_t kMostCount = 1'000'000'000;

// Words that make values invalid and that no part of this enforces.
constexpr std::array<std::string_view, 13> kNotEnforced = {"then",
                                                           "else",
                                                           "dependentRequired",
                                                           "dependentSchemas",
                                                           "dependencies",
                                                           "unevaluatedItems",
                                                           "contains",
                                                           "$dynamicRef",
                                                           "$recursiveRef",
                                                           "extends",
                                                           "disallow",
                                                           "divisibleBy",
                                                           "propertyDependencies"};

std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

Result<uint32_t> count_of(const SchemaJson& value, const std::string& pointer) {
  // 3.0 is the number 3.
  if (!value.is_number() || value.get<double>() < 0 || !Decimal::of(value).is_integer())
    return schema_error(pointer, "must be a number of things, 0 or more");
  return static_cast<uint32_t>(std::min<double>(value.get<double>(), kMostCount));
}

std::optional<uint8_t> type_named(std::string_view name) {
  if (name == "null") return kNull;
  if (name == "boolean") return kBoolean;
  if (name == "integer") return kInteger;
  if (name == "number") return kNumber;
  if (name == "string") return kString;
  if (name == "array") return kArray;
  if (name == "object") return kObject;
  return std::nullopt;
}

}  // namespace

Result<void> check_depth(const SchemaJson& json) {
  std::vector<const SchemaJson*> level = {&json}, below;
  for (int depth = 0; !level.empty(); ++depth, level.swap(below), below.clear()) {
    if (depth > kMaxJsonDepth)
      return Error(ErrorCode::kUsage, fmt::format("a JSON schema nested deeper than {}", kMaxJsonDepth));
    for (const SchemaJson* value : level)
      if (value->is_structured())
        for (const SchemaJson& inner : *value) below.push_back(&inner);
  }
  return {};
}

Error schema_error(const std::string& pointer, const std::string& what) {
  return Error(ErrorCode::kUsage, fmt::format("JSON schema, {}: {}", pointer, what));
}

Result<void> SchemaDocument::add(const SchemaRef& ref, SchemaFacts* facts, std::set<std::string>* above) {
  if (ref.schema->is_boolean()) {
    if (!ref.schema->get<bool>()) facts->types = 0, facts->typed = true;
    return {};
  }
  if (!ref.schema->is_object()) return schema_error(ref.pointer, "a schema is an object, true or false");
  constexpr int kMostAdded = 100'000;
  if (++n_added_ > kMostAdded)
    return schema_error(ref.pointer, fmt::format("more than {} schemas to combine", kMostAdded));
  constexpr size_t kMostAbove = 200;
  if (above->size() > kMostAbove) return schema_error(ref.pointer, "schemas refer to each other too deep");
  if (!above->insert(ref.pointer).second)
    return schema_error(ref.pointer,
                        "this schema refers to itself without anything in between, so it says nothing");
  GANNET_TRY(add_keywords(ref, facts, above));
  above->erase(ref.pointer);
  return {};
}

Result<void> SchemaDocument::add_keywords(const SchemaRef& ref, SchemaFacts* facts,
                                          std::set<std::string>* above) {
  const SchemaJson& s = *ref.schema;
  for (const std::string_view word : kNotEnforced)
    if (s.contains(word) && ((word != "then" && word != "else") || s.contains("if")))
      return schema_error(ref.pointer + "/" + std::string(word),
                          "cannot be enforced; leave it out, or say it with anyOf");
  if (&s != &root_ && s.contains("$id") && s["$id"].is_string() &&
      !s["$id"].get<std::string>().starts_with('#'))
    return schema_error(ref.pointer + "/$id", "a schema of its own inside of another is not supported");
  GANNET_TRY(add_type(ref, facts));
  GANNET_TRY(add_values(ref, facts));
  GANNET_TRY(add_number(ref, facts));
  GANNET_TRY(add_string(ref, facts));
  GANNET_TRY(add_array(ref, facts));
  GANNET_TRY(add_object(ref, facts));
  GANNET_TRY(add_not(ref, facts));
  if (s.contains("$ref")) {
    const SchemaRef target = GANNET_TRY(find(ref));
    GANNET_TRY(add(target, facts, above));
  }
  for (const char* word : {"allOf", "anyOf", "oneOf"}) {
    if (!s.contains(word)) continue;
    const std::string pointer = ref.pointer + "/" + word;
    const SchemaJson& list = s[word];
    if (!list.is_array() || list.empty()) return schema_error(pointer, "must be a list of schemas");
    SchemaFacts::Choice choice{
        .branches = {}, .exactly_one = word[0] == 'o', .pointer = pointer, .above = *above};
    for (size_t i = 0; i < list.size(); ++i)
      choice.branches.push_back({&list[i], fmt::format("{}/{}", pointer, i)});
    if (word[1] == 'l') {
      for (const SchemaRef& branch : choice.branches) GANNET_TRY(add(branch, facts, above));
    } else {
      facts->choices.push_back(std::make_shared<const SchemaFacts::Choice>(std::move(choice)));
    }
  }
  return {};
}

Result<SchemaRef> SchemaDocument::find(const SchemaRef& from) {
  const std::string pointer = from.pointer + "/$ref";
  const SchemaJson& value = (*from.schema)["$ref"];
  if (!value.is_string()) return schema_error(pointer, "must be a string");
  std::string ref = value.get<std::string>();
  if (ref != "#" && !ref.starts_with("#/"))
    return schema_error(pointer,
                        fmt::format("{} is not in this document; only references like #/$defs/name can be "
                                    "followed",
                                    gannet::quoted(ref)));
  SchemaRef at{&root_, "#"};
  for (size_t i = 1; i < ref.size();) {
    const size_t end = std::min(ref.find('/', i + 1), ref.size());
    std::string key;
    for (size_t j = i + 1; j < end; ++j) {
      const std::string_view rest = std::string_view(ref).substr(j, end - j);
      if (rest.starts_with("~0") || rest.starts_with("~1")) {
        key += rest[1] == '0' ? '~' : '/';
        ++j;
      } else if (rest[0] == '%' && rest.size() >= 3 && std::isxdigit(static_cast<unsigned char>(rest[1])) &&
                 std::isxdigit(static_cast<unsigned char>(rest[2]))) {
        key += static_cast<char>(std::stoi(std::string(rest.substr(1, 2)), nullptr, 16));
        j += 2;
      } else {
        key += rest[0];
      }
    }
    const bool index = !key.empty() && key.size() < 9 &&
                       std::ranges::all_of(key, [](char c) { return c >= '0' && c <= '9'; });
    if (at.schema->is_object() && at.schema->contains(key))
      at.schema = &(*at.schema)[key];
    else if (at.schema->is_array() && index && std::stoul(key) < at.schema->size())
      at.schema = &(*at.schema)[std::stoul(key)];
    else
      return schema_error(pointer, fmt::format("there is no {} in this document", gannet::quoted(ref)));
    at.pointer += "/" + escaped(key);
    i = end;
  }
  return at;
}

Result<void> SchemaDocument::add_type(const SchemaRef& ref, SchemaFacts* facts) {
  const SchemaJson& s = *ref.schema;
  if (!s.contains("type")) return {};
  const SchemaJson list = s["type"].is_array() ? s["type"] : SchemaJson::array({s["type"]});
  uint8_t types = 0;
  for (const SchemaJson& name : list) {
    const auto type = name.is_string() ? type_named(name.get<std::string>()) : std::nullopt;
    if (!type)
      return schema_error(ref.pointer + "/type",
                          "must be null, boolean, integer, number, string, array or object, or a "
                          "list of these");
    types |= *type;
  }
  if (s.contains("nullable")) {
    if (!s["nullable"].is_boolean()) return schema_error(ref.pointer + "/nullable", "must be true or false");
    if (s["nullable"].get<bool>()) types |= kNull;
  }
  facts->types &= types;
  facts->typed = true;
  return {};
}

Result<void> SchemaDocument::add_values(const SchemaRef& ref, SchemaFacts* facts) {
  const SchemaJson& s = *ref.schema;
  const auto restrict_to = [&](std::vector<SchemaJson> values) {
    if (facts->values)
      std::erase_if(values, [&](const SchemaJson& v) {
        return std::ranges::find(*facts->values, v) == facts->values->end();
      });
    facts->values = std::make_shared<const std::vector<SchemaJson>>(std::move(values));
  };
  if (s.contains("const")) restrict_to({s["const"]});
  if (s.contains("enum")) {
    if (!s["enum"].is_array()) return schema_error(ref.pointer + "/enum", "must be a list of values");
    restrict_to(s["enum"].get<std::vector<SchemaJson>>());
  }
  return {};
}

Result<void> SchemaDocument::add_number(const SchemaRef& ref, SchemaFacts* facts) {
  const SchemaJson& s = *ref.schema;
  const auto bound = [&](const char* word, bool lower, bool exclusive) -> Result<void> {
    if (!s.contains(word)) return {};
    const SchemaJson& value = s[word];
    facts->mentioned |= kNumber;
    if (exclusive && value.is_boolean()) return {};  // draft 4: it is about minimum, see below
    if (!value.is_number()) return schema_error(ref.pointer + "/" + word, "must be a number");
    // Draft 4 says "exclusiveMinimum": true beside the minimum.
    const char* flag = lower ? "exclusiveMinimum" : "exclusiveMaximum";
    if (!exclusive && s.contains(flag) && s[flag].is_boolean()) exclusive = s[flag].get<bool>();
    const NumberBound b{Decimal::of(value), exclusive};
    auto& slot = lower ? facts->range.lower : facts->range.upper;
    const int c = slot ? compare(b.value, slot->value) : 0;
    if (!slot || (lower ? c > 0 : c < 0) || (c == 0 && b.exclusive)) slot = b;
    return {};
  };
  GANNET_TRY(bound("minimum", true, false));
  GANNET_TRY(bound("exclusiveMinimum", true, true));
  GANNET_TRY(bound("maximum", false, false));
  GANNET_TRY(bound("exclusiveMaximum", false, true));
  if (s.contains("multipleOf")) {
    const std::string pointer = ref.pointer + "/multipleOf";
    if (!s["multipleOf"].is_number() || s["multipleOf"].get<double>() <= 0)
      return schema_error(pointer, "must be a number above 0");
    facts->factors.emplace_back(Decimal::of(s["multipleOf"]), pointer);
    facts->mentioned |= kNumber;
  }
  return {};
}

Result<void> SchemaDocument::add_string(const SchemaRef& ref, SchemaFacts* facts) {
  const SchemaJson& s = *ref.schema;
  if (s.contains("minLength")) {
    facts->min_length =
        std::max(facts->min_length, GANNET_TRY(count_of(s["minLength"], ref.pointer + "/minLength")));
    facts->mentioned |= kString;
  }
  if (s.contains("maxLength")) {
    facts->max_length =
        std::min(facts->max_length, GANNET_TRY(count_of(s["maxLength"], ref.pointer + "/maxLength")));
    facts->mentioned |= kString;
  }
  if (s.contains("pattern")) {
    if (!s["pattern"].is_string()) return schema_error(ref.pointer + "/pattern", "must be a string");
    facts->patterns.push_back({s["pattern"].get<std::string>(), false, ref.pointer + "/pattern"});
    facts->mentioned |= kString;
  }
  if (s.contains("format")) {
    if (!s["format"].is_string()) return schema_error(ref.pointer + "/format", "must be a string");
    const std::string format = s["format"].get<std::string>();
    if (const auto pattern = format_pattern(format)) {
      facts->patterns.push_back({std::string(*pattern), true, ref.pointer + "/format"});
      facts->mentioned |= kString;
    } else if (!is_format_annotation(format)) {
      return schema_error(
          ref.pointer + "/format",
          fmt::format("the format {} cannot be enforced; say it with a pattern", gannet::quoted(format)));
    }
  }
  return {};
}

Result<void> SchemaDocument::add_array(const SchemaRef& ref, SchemaFacts* facts) {
  const SchemaJson& s = *ref.schema;
  SchemaFacts::Items items;
  bool any = false;
  const bool old_tuple = s.contains("items") && s["items"].is_array();
  const char* prefix = old_tuple ? "items" : "prefixItems";
  const char* others = old_tuple ? "additionalItems" : "items";
  if (s.contains(prefix)) {
    if (!s[prefix].is_array()) return schema_error(ref.pointer + "/" + prefix, "must be a list of schemas");
    for (size_t i = 0; i < s[prefix].size(); ++i)
      items.prefix.push_back({&s[prefix][i], fmt::format("{}/{}/{}", ref.pointer, prefix, i)});
    any = true;
  }
  if (s.contains(others)) {
    items.others = SchemaRef{&s[others], ref.pointer + "/" + others};
    any = true;
  }
  if (any) {
    facts->items.push_back(std::make_shared<const SchemaFacts::Items>(std::move(items)));
    facts->mentioned |= kArray;
  }
  if (s.contains("minItems")) {
    facts->min_items =
        std::max(facts->min_items, GANNET_TRY(count_of(s["minItems"], ref.pointer + "/minItems")));
    facts->mentioned |= kArray;
  }
  if (s.contains("maxItems")) {
    facts->max_items =
        std::min(facts->max_items, GANNET_TRY(count_of(s["maxItems"], ref.pointer + "/maxItems")));
    facts->mentioned |= kArray;
  }
  if (s.contains("uniqueItems") && s["uniqueItems"] != false && facts->max_items > 1)
    return schema_error(ref.pointer + "/uniqueItems", "cannot be enforced; leave it out");
  return {};
}

Result<void> SchemaDocument::add_object(const SchemaRef& ref, SchemaFacts* facts) {
  const SchemaJson& s = *ref.schema;
  SchemaFacts::Members members;
  bool any = false;
  for (const char* word : {"properties", "patternProperties"}) {
    if (!s.contains(word)) continue;
    if (!s[word].is_object()) return schema_error(ref.pointer + "/" + word, "must be an object of schemas");
    for (const auto& [key, schema] : s[word].items())
      (word[1] == 'r' ? members.named : members.patterns)
          .emplace_back(key, SchemaRef{&schema, fmt::format("{}/{}/{}", ref.pointer, word, escaped(key))});
    any = true;
  }
  const char* others = "additionalProperties";
  if (s.contains("unevaluatedProperties")) {
    // The same, where nothing beside it evaluates properties.
    for (const char* word : {"allOf", "anyOf", "oneOf", "$ref", "additionalProperties", "if"})
      if (s.contains(word) && s["unevaluatedProperties"] != true)
        return schema_error(
            ref.pointer + "/unevaluatedProperties",
            fmt::format("cannot be enforced together with {}; use additionalProperties", word));
    if (!s.contains(others)) others = "unevaluatedProperties";
  }
  if (s.contains(others)) {
    members.others = SchemaRef{&s[others], ref.pointer + "/" + others};
    any = true;
  }
  if (any) facts->members.push_back(std::make_shared<const SchemaFacts::Members>(std::move(members)));
  if (s.contains("required")) {
    const std::string pointer = ref.pointer + "/required";
    if (s["required"].is_array()) {  // draft 3 has true and false, which say nothing here
      for (const SchemaJson& name : s["required"]) {
        if (!name.is_string()) return schema_error(pointer, "must be a list of names");
        if (std::ranges::find(facts->required, name.get<std::string>()) == facts->required.end())
          facts->required.push_back(name.get<std::string>());
      }
      any = true;
    } else {
      return schema_error(pointer, "must be a list of names");
    }
  }
  if (s.contains("propertyNames")) {
    facts->property_names.push_back({&s["propertyNames"], ref.pointer + "/propertyNames"});
    any = true;
  }
  if (s.contains("minProperties")) {
    facts->min_members = std::max(facts->min_members,
                                  GANNET_TRY(count_of(s["minProperties"], ref.pointer + "/minProperties")));
    any = true;
  }
  if (s.contains("maxProperties")) {
    facts->max_members = std::min(facts->max_members,
                                  GANNET_TRY(count_of(s["maxProperties"], ref.pointer + "/maxProperties")));
    any = true;
  }
  if (any) facts->mentioned |= kObject;
  return {};
}

// Not a type, not a value, not anything: the rest would need the complement of a language.
Result<void> SchemaDocument::add_not(const SchemaRef& ref, SchemaFacts* facts) {
  const SchemaJson& s = *ref.schema;
  if (!s.contains("not")) return {};
  const SchemaJson& inner = s["not"];
  const std::string pointer = ref.pointer + "/not";
  if (inner == true || (inner.is_object() && inner.empty())) {
    facts->types = 0;
    facts->typed = true;
    return {};
  }
  if (inner == false) return {};
  if (inner.is_object() && inner.size() == 1) {
    const SchemaRef at{&inner, pointer};
    SchemaFacts denied;
    if (inner.contains("type")) {
      GANNET_TRY(add_type(at, &denied));
      // Integers are numbers: what is no integer may be a fraction, what is no number is neither.
      facts->types &= static_cast<uint8_t>(~denied.types);
      facts->typed = true;
      return {};
    }
    if (inner.contains("enum") || inner.contains("const")) {
      GANNET_TRY(add_values(at, &denied));
      facts->not_values.push_back(denied.values);
      return {};
    }
  }
  return schema_error(pointer, "only a type, an enum or a const can be denied");
}

}  // namespace gannet
