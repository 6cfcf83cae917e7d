// The chat at the terminal: reads messages and commands until the user leaves.
#pragma once

#include <functional>

#include "base/result.h"
#include "cli/chat_session.h"

namespace gannet {

// stdin must be a terminal. Prompts and notes go to stderr. Errors: kInterrupted, kOutput when stdout takes
// no more answers, and those of `reopen`, which is called when the device was lost: it gives the conversation
// another session. `single_turn`: ends behind the first answer.
Result<void> converse(ChatSession& session, bool single_turn, const std::function<Result<void>()>& reopen);

}  // namespace gannet
