// What an answer must be, as a grammar: the schema, grammar or functions that the user gave.
#pragma once

#include "cli/chat_flags.h"
#include "grammar/grammar.h"

namespace gannet {

// One of them is given. `calls`: how the model writes calls. Errors: kUsage naming what cannot be
// enforced.
Result<Grammar> answer_grammar(const ChatOptions& options, CallFormat calls);

}  // namespace gannet
