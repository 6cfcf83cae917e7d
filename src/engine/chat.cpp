#include "engine/chat.h"

namespace gannet {
namespace {

constexpr std::string_view kStart = "<|im_start|>", kEnd = "<|im_end|>";

// The id when `text` is one control token.
bool is_one_token(const Tokenizer& tokenizer, std::string_view text) {
  auto ids = tokenizer.encode(text, {.parse_special = true});
  return ids.ok() && ids->size() == 1;
}

}  // namespace

bool has_chat_markers(const Tokenizer& tokenizer) {
  return is_one_token(tokenizer, kStart) && is_one_token(tokenizer, kEnd);
}

Result<std::vector<TokenId>> chat_tokens(const Tokenizer& tokenizer, const ChatTurn& turn) {
  std::vector<TokenId> tokens;
  const auto add = [&](std::string_view text, bool markers) -> Result<void> {
    const auto ids = GANNET_TRY(tokenizer.encode(text, {.parse_special = markers}));
    tokens.insert(tokens.end(), ids.begin(), ids.end());
    return {};
  };
  if (turn.continued && !turn.closed) GANNET_TRY(add(kEnd, true));
  if (turn.continued) GANNET_TRY(add("\n", false));
  if (!turn.system.empty()) {
    GANNET_TRY(add("<|im_start|>system\n", true));
    GANNET_TRY(add(turn.system, false));
    GANNET_TRY(add("<|im_end|>\n", true));
  }
  GANNET_TRY(add("<|im_start|>user\n", true));
  GANNET_TRY(add(turn.user, false));
  GANNET_TRY(add("<|im_end|>\n<|im_start|>assistant\n", true));
  return tokens;
}

}  // namespace gannet
