// The formats of JSON Schema that can be enforced, as regular expressions over the whole string.
#pragma once

#include <optional>
#include <string_view>

namespace gannet {

// Nothing: unknown.
std::optional<std::string_view> format_pattern(std::string_view format);
// Formats that say how a value is used or stored, not which strings are right ("password").
bool is_format_annotation(std::string_view format);

}  // namespace gannet
