// What begins with a slash in a chat.
#pragma once

#include <string_view>

#include "cli/chat_session.h"

namespace gannet {

struct CommandOutcome {
  bool leave = false;
  bool answered = false;             // with `answer`
  Result<Answer> answer = Answer{};  // an error: of the command, for the user
};

// Runs the command in `line`, which begins with a slash and has no white space at its borders. What there is
// to say goes to stderr.
CommandOutcome run_chat_command(std::string_view line, ChatSession& session);

}  // namespace gannet
