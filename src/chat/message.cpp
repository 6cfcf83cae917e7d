#include "chat/message.h"

namespace gannet {

std::string_view role_name(Role role) {
  static constexpr std::string_view kNames[] = {"system", "user", "assistant", "tool"};
  return kNames[static_cast<int>(role)];
}

std::string_view call_format_name(CallFormat format) {
  static constexpr std::string_view kNames[] = {"none", "tagged", "hermes"};
  return kNames[static_cast<int>(format)];
}

}  // namespace gannet
