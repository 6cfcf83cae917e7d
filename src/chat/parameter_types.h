// What the declared schema says about the arguments of functions, as far as it decides how a raw value is
// read: as a string or as JSON. Must not know: how values are found in text.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "chat/message.h"

namespace gannet {

// A set of JSON types.
using JsonTypes = uint8_t;
constexpr JsonTypes kJsonString = 1, kJsonNumber = 2, kJsonBoolean = 4, kJsonNull = 8, kJsonObject = 16,
                    kJsonArray = 32, kJsonAny = 63;

// The types that `schema` admits, looking through type, enum, const, anyOf, oneOf, allOf and local $ref (of
// `root`). What says nothing admits any. More than 16 references in a row, or a circle of them, are any.
JsonTypes json_types_of(const nlohmann::ordered_json& schema, const nlohmann::ordered_json& root);

// The JSON text that a raw value stands for. A string where only strings are declared. Otherwise JSON if it
// is JSON of a declared type (True, False and None count as what they mean in Python), else a string. Where
// strings are among the types, text in quotes is the string with its quotes: nothing is unpacked.
std::string raw_value_to_json(std::string_view raw, JsonTypes types);

class ParameterTypes {
 public:
  explicit ParameterTypes(std::span<const Tool> tools);

  bool knows(std::string_view function) const { return functions_.find(function) != functions_.end(); }
  // Any beginning of a known name.
  bool knows_beginning(std::string_view text) const;
  // Of an undeclared parameter or function: string.
  JsonTypes types(std::string_view function, std::string_view parameter) const;

 private:
  struct Function {
    std::map<std::string, JsonTypes, std::less<>> parameters;
    JsonTypes others = kJsonString;  // additionalProperties
  };
  std::map<std::string, Function, std::less<>> functions_;
};

}  // namespace gannet
