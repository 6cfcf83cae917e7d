// The types that a schema declares, as far as they decide how a parameter in a tagged call is written: as raw
// text or as JSON. Who makes calls (tool_grammar.h) and who reads them must agree on it.
//
// Where only strings are declared, a value is raw text. Otherwise it is JSON, but where strings are among the
// types: then what is JSON of one of the others is that, and all else is raw text.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gannet {

// A set of JSON types.
using JsonTypes = uint8_t;
constexpr JsonTypes kJsonString = 1, kJsonNumber = 2, kJsonBoolean = 4, kJsonNull = 8, kJsonObject = 16,
                    kJsonArray = 32, kJsonAny = 63;

// The types that `schema` admits, looking through type, enum, const, anyOf, oneOf, allOf and local $ref (of
// `root`). What says nothing admits any. More than 16 references in a row, or a circle of them, are any.
JsonTypes json_types_of(const nlohmann::ordered_json& schema, const nlohmann::ordered_json& root);

// Of the parameters of a function.
struct DeclaredTypes {
  std::map<std::string, JsonTypes, std::less<>> parameters;
  JsonTypes others = kJsonString;  // additionalProperties, if it says something

  JsonTypes of(std::string_view parameter) const {
    const auto found = parameters.find(parameter);
    return found == parameters.end() ? others : found->second;
  }
};

// Properties stand in the schema itself, or behind its $ref and allOf. Takes anything; what is no schema
// declares nothing.
DeclaredTypes declared_types(const nlohmann::ordered_json& schema);

}  // namespace gannet
