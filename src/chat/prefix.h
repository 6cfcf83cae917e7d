// How much of one turn is still there in the next. What a sequence has read can be kept as far as the tokens
// of its next prompt begin with it; templates that drop old thoughts end that early.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/chat_template.h"
#include "text/tokenizer.h"

namespace gannet {

struct PrefixComparison {
  size_t tokens = 0;       // of the turn: its prompt and what was generated
  size_t same_tokens = 0;  // how many of them the next prompt begins with
  size_t bytes = 0;        // the same for the texts; of the generated tokens with special ones shown
  size_t same_bytes = 0;
  std::string why;  // a sentence on why they part; empty if they do not

  bool stable() const { return same_tokens == tokens; }
};

// `generated`: the tokens of the answer to `turn`. `added`: the answer as a message, as OutputParser made it,
// and what follows it. Errors: of rendering and tokenizing either prompt.
Result<PrefixComparison> compare_turns(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                       const Conversation& turn, std::span<const TokenId> generated,
                                       const std::vector<Message>& added, const RenderOptions& options = {});

}  // namespace gannet
