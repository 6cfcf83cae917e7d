// The chat at the terminal: reads messages and commands until the user leaves.
#pragma once

#include "base/result.h"
#include "cli/conversation.h"

namespace gannet {

// stdin must be a terminal. Prompts and notes go to stderr. Errors: kInterrupted, kOutput when stdout takes
// no more answers. `single_turn`: ends behind the first answer.
Result<void> converse(Conversation& conversation, bool single_turn);

}  // namespace gannet
