#include "grammar/declared_types.h"

#include <algorithm>
#include <utility>

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

JsonTypes types_named(const Json& name) {
  if (!name.is_string()) return kJsonAny;
  const auto& text = name.get_ref<const std::string&>();
  if (text == "string") return kJsonString;
  if (text == "number" || text == "integer") return kJsonNumber;
  if (text == "boolean") return kJsonBoolean;
  if (text == "null") return kJsonNull;
  if (text == "object") return kJsonObject;
  if (text == "array") return kJsonArray;
  return kJsonAny;
}

JsonTypes type_of_value(const Json& value) {
  if (value.is_string()) return kJsonString;
  if (value.is_number()) return kJsonNumber;
  if (value.is_boolean()) return kJsonBoolean;
  if (value.is_null()) return kJsonNull;
  return value.is_object() ? kJsonObject : kJsonArray;
}

// What a local reference ("#/$defs/x") points to; null when it points nowhere.
const Json* referenced(const Json& reference, const Json& root) {
  if (!reference.is_string()) return nullptr;
  const auto& text = reference.get_ref<const std::string&>();
  if (!text.starts_with("#")) return nullptr;
  const Json* at = &root;
  for (size_t from = 1; from < text.size();) {
    if (text[from] != '/') return nullptr;
    const size_t end = std::min(text.find('/', from + 1), text.size());
    std::string key = text.substr(from + 1, end - from - 1);
    for (const auto& [code, character] : {std::pair("~1", "/"), std::pair("~0", "~")}) {
      for (size_t i = 0; (i = key.find(code, i)) != std::string::npos; ++i) key.replace(i, 2, character);
    }
    if (!at->is_object()) return nullptr;
    const auto found = at->find(key);
    if (found == at->end()) return nullptr;
    at = &*found;
    from = end;
  }
  return at;
}

JsonTypes types_of(const Json& schema, const Json& root, int depth) {
  if (!schema.is_object() || depth == 0) return kJsonAny;
  const auto member = [&](const char* key) {
    const auto found = schema.find(key);
    return found == schema.end() ? nullptr : &*found;
  };
  if (const Json* type = member("type")) {
    if (!type->is_array()) return types_named(*type);
    JsonTypes all = 0;
    for (const Json& one : *type) all |= types_named(one);
    return all ? all : kJsonAny;
  }
  if (const Json* reference = member("$ref")) {
    const Json* target = referenced(*reference, root);
    return target ? types_of(*target, root, depth - 1) : kJsonAny;
  }
  if (const Json* value = member("const")) return type_of_value(*value);
  if (const Json* values = member("enum"); values && values->is_array() && !values->empty()) {
    JsonTypes all = 0;
    for (const Json& one : *values) all |= type_of_value(one);
    return all;
  }
  for (const char* key : {"anyOf", "oneOf"}) {
    const Json* branches = member(key);
    if (!branches || !branches->is_array() || branches->empty()) continue;
    JsonTypes all = 0;
    for (const Json& one : *branches) {
      all |= types_of(one, root, depth - 1);
      if (all == kJsonAny) break;  // also keeps hostile schemas from branching at every depth
    }
    return all;
  }
  if (const Json* parts = member("allOf"); parts && parts->is_array()) {
    JsonTypes all = kJsonAny;
    for (const Json& one : *parts) all &= types_of(one, root, depth - 1);
    return all ? all : kJsonAny;
  }
  return kJsonAny;
}

}  // namespace

JsonTypes json_types_of(const Json& schema, const Json& root) {
  return types_of(schema, root, 16);
}

namespace {

void add_declared(const Json& schema, const Json& root, int depth, int* n_left, DeclaredTypes* declared) {
  if (!schema.is_object() || depth == 0 || --*n_left < 0) return;
  const auto narrow = [](JsonTypes before, JsonTypes more) -> JsonTypes {
    const JsonTypes both = before & more;
    return both ? both : before;
  };
  if (const auto found = schema.find("properties"); found != schema.end() && found->is_object())
    for (const auto& [name, property] : found->items()) {
      const auto [place, is_new] = declared->parameters.try_emplace(name, kJsonAny);
      place->second = narrow(place->second, json_types_of(property, root));
    }
  if (const auto found = schema.find("additionalProperties"); found != schema.end() && found->is_object())
    declared->others = json_types_of(*found, root);
  if (const auto found = schema.find("$ref"); found != schema.end())
    if (const Json* target = referenced(*found, root))
      add_declared(*target, root, depth - 1, n_left, declared);
  if (const auto found = schema.find("allOf"); found != schema.end() && found->is_array())
    for (const Json& part : *found) add_declared(part, root, depth - 1, n_left, declared);
}

}  // namespace

DeclaredTypes declared_types(const Json& schema) {
  constexpr int kDeepest = 16, kMostSchemas = 1000;
  DeclaredTypes declared;
  int n_left = kMostSchemas;
  add_declared(schema, schema, kDeepest, &n_left, &declared);
  return declared;
}

}  // namespace gannet
