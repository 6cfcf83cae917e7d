// The chat at the terminal: reads messages and commands until the user leaves.
#pragma once

#include "base/result.h"
#include "cli/conversation.h"

namespace gannet {

// Prompts and notes go to stderr. Errors: kInterrupted.
Result<void> converse(Conversation& conversation);

}  // namespace gannet
