#include "chat/parameter_types.h"

#include "chat/json_scanner.h"

namespace gannet {
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
    DeclaredTypes& declared = functions_[tool.name];
    if (const auto* schema = tool.parameters()) declared = declared_types(*schema);
  }
}

bool ParameterTypes::knows_beginning(std::string_view text) const {
  const auto found = functions_.lower_bound(text);
  return found != functions_.end() && found->first.starts_with(text);
}

JsonTypes ParameterTypes::types(std::string_view function, std::string_view parameter) const {
  const auto found = functions_.find(function);
  return found == functions_.end() ? kJsonString : found->second.of(parameter);
}

}  // namespace gannet
