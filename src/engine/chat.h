// ChatML, the message format of the Qwen chat models: <|im_start|>role\ntext<|im_end|>\n. Texts of users are
// encoded without control tokens, so a message cannot end itself or start another role.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace gannet {

// True when the vocabulary has the markers.
bool has_chat_markers(const Tokenizer& tokenizer);

// Tokens of a message and the opening of the assistant's answer. `system` (may be empty) comes first.
// `continued`: the sequence already ends with the end token of an answer, whose line break is still missing;
// `closed`: that end token was sampled, otherwise (answer cut short) it is added.
struct ChatTurn {
  std::string_view system, user;
  bool continued = false;
  bool closed = true;
};
Result<std::vector<TokenId>> chat_tokens(const Tokenizer& tokenizer, const ChatTurn& turn);

}  // namespace gannet
