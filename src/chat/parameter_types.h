// What the declared schema says about the arguments of functions, as far as it decides how a raw value is
// read: as a string or as JSON. Must not know: how values are found in text.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "chat/message.h"
#include "grammar/declared_types.h"

namespace gannet {

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
  std::map<std::string, DeclaredTypes, std::less<>> functions_;
};

}  // namespace gannet
