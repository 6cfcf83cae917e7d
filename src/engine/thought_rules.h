// Tags and messages of thoughts as texts, for those who know the format of a model and not its tokens.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sample/thought_budget.h"
#include "text/tokenizer.h"

namespace gannet {

struct ThoughtTexts {
  int64_t budget = -1;       // tokens; < 0: any number
  std::string message = {};  // said before the thought is closed; may be empty
  std::string open = "<think>", close = "</think>";
  std::string closing = "\n</think>\n\n";  // what closes a thought by force; has `close` in it
  bool open_at_start = false;              // the prompt ends inside a thought
};

// Tags are read as control tokens where they are some; the message, which may come from a user, never is.
// Errors: those of Tokenizer::encode().
Result<ThoughtRules> thought_rules(const Tokenizer& tokenizer, const ThoughtTexts& texts);

}  // namespace gannet
