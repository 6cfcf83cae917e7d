// Server-sent events: the frames that streams are made of. The JSON has no raw line breaks.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gannet {

// On one line; what is not UTF-8 becomes U+FFFD.
inline std::string json_line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

inline std::string sse_data(const nlohmann::ordered_json& json) {
  return "data: " + json_line(json) + "\n\n";
}

inline std::string sse_event(std::string_view name, const nlohmann::ordered_json& json) {
  return "event: " + std::string(name) + "\n" + sse_data(json);
}

inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";
inline constexpr std::string_view kSsePing = ":\n\n";  // a comment

}  // namespace gannet
