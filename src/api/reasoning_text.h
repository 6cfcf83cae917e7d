// Thoughts in the form of `encrypted_content`. Clients that keep no reasoning text send this back unread, and
// with it the prompt of the next turn begins as the last one did. Nothing is secret: they are marked only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gannet {

inline constexpr std::string_view kReasoningMark = "gannet-reasoning:";

inline std::string reasoning_as_encrypted(std::string_view text) {
  return std::string(kReasoningMark) + std::string(text);
}

// Nothing if it was made by someone else.
inline std::optional<std::string> text_of_reasoning(std::string_view encrypted) {
  if (!encrypted.starts_with(kReasoningMark)) return std::nullopt;
  return std::string(encrypted.substr(kReasoningMark.size()));
}

}  // namespace gannet
