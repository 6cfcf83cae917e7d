#include "chat/parameter_types.h"

#include "chat/json_scanner.h"

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

std::string raw_value_to_json(std::string_view raw, JsonTypes types) {
  if (types != kJsonString) {
    const size_t from = std::min(raw.find_first_not_of(" \t\r\n"), raw.size());
    const std::string_view bare = raw.substr(from, raw.find_last_not_of(" \t\r\n") + 1 - from);
    if ((types & kJsonBoolean) && bare == "True") return "true";
    if ((types & kJsonBoolean) && bare == "False") return "false";
    if ((types & kJsonNull) && bare == "None") return "null";
    const ScannedJson scanned = scan_json(raw);
    const JsonTypes type = scanned.first == '{'                           ? kJsonObject
                           : scanned.first == '['                         ? kJsonArray
                           : scanned.first == '"'                         ? kJsonString
                           : scanned.first == 't' || scanned.first == 'f' ? kJsonBoolean
                           : scanned.first == 'n'                         ? kJsonNull
                                                                          : kJsonNumber;
    const bool or_string = types & kJsonString;
    const bool fits = !or_string || (type != kJsonString && (types & type) && !scanned.repaired);
    if (!scanned.json.empty() && fits) return scanned.json;
  }
  std::string text = "\"";
  append_json_escaped(raw, &text);
  text += '"';
  return text;
}

ParameterTypes::ParameterTypes(std::span<const Tool> tools) {
  for (const Tool& tool : tools) {
    Function& function = functions_[tool.name];
    const Json* schema = tool.parameters();
    if (!schema || !schema->is_object()) continue;
    if (const auto found = schema->find("properties"); found != schema->end() && found->is_object()) {
      for (const auto& [name, property] : found->items()) {
        function.parameters[name] = json_types_of(property, *schema);
      }
    }
    if (const auto found = schema->find("additionalProperties");
        found != schema->end() && found->is_object()) {
      function.others = json_types_of(*found, *schema);
    }
  }
}

bool ParameterTypes::knows_beginning(std::string_view text) const {
  const auto found = functions_.lower_bound(text);
  return found != functions_.end() && found->first.starts_with(text);
}

JsonTypes ParameterTypes::types(std::string_view function, std::string_view parameter) const {
  const auto found = functions_.find(function);
  if (found == functions_.end()) return kJsonString;
  const auto& parameters = found->second.parameters;
  const auto declared = parameters.find(parameter);
  return declared == parameters.end() ? found->second.others : declared->second;
}

}  // namespace gannet
