#include "chat/prefix.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/printable.h"

namespace gannet {
namespace {

size_t same_length(const auto& a, const auto& b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

// Whether the template shows none of the thoughts that the conversation holds.
Result<bool> drops_thoughts(const ChatTemplate& chat, Conversation conversation, const std::string& text,
                            const RenderOptions& options) {
  bool any = false;
  for (Message& message : conversation.messages) {
    any |= !message.reasoning.value_or("").empty();
    message.reasoning.reset();
  }
  if (!any) return false;
  const ChatPrompt without = GANNET_TRY(chat.render(conversation, options));
  return without.text.text == text;
}

}  // namespace

Result<PrefixComparison> compare_turns(const ChatTemplate& chat, const Tokenizer& tokenizer,
                                       const Conversation& turn, std::span<const TokenId> generated,
                                       const std::vector<Message>& added, const RenderOptions& options) {
  Conversation next = turn;
  const bool continued = options.continue_last && turn.messages.back().role == Role::kAssistant;
  if (continued) next.messages.pop_back();  // `added` holds the whole message
  next.messages.insert(next.messages.end(), added.begin(), added.end());
  const ChatPrompt before = GANNET_TRY(chat.render(turn, options)),
                   after = GANNET_TRY(chat.render(next, options));
  auto tokens = GANNET_TRY(tokenizer.encode(before.text));
  tokens.insert(tokens.end(), generated.begin(), generated.end());
  const auto next_tokens = GANNET_TRY(tokenizer.encode(after.text));
  const std::string text = before.text.text + GANNET_TRY(tokenizer.decode(generated, {.show_special = true}));

  PrefixComparison result;
  result.tokens = tokens.size();
  result.same_tokens = same_length(tokens, next_tokens);
  result.bytes = text.size();
  result.same_bytes = same_length(text, after.text.text);
  if (result.stable()) return result;
  if (result.same_bytes == result.bytes) {
    result.why = "the same text was generated in other tokens than the tokenizer makes of it";
  } else if (GANNET_TRY(drops_thoughts(chat, next, after.text.text, options))) {
    result.why = "the template drops the thoughts of earlier turns";
    if (chat.facts().can_keep_thoughts) result.why += "; preserve_thinking keeps them";
  } else {
    RenderOptions asked = options;
    asked.add_generation_prompt = false;
    const ChatPrompt question = GANNET_TRY(chat.render(turn, asked));
    const char* what = result.same_bytes >= before.text.text.size() ? "the answer"
                       : continued || result.same_bytes < question.text.text.size()
                           ? "an earlier message"
                           : "the opening of the answer";
    const size_t from = result.same_bytes - std::min<size_t>(result.same_bytes, 20);
    result.why = fmt::format("{} is written differently now: \"{}\" became \"{}\"", what,
                             printable(std::string_view(text).substr(from, 60)),
                             printable(std::string_view(after.text.text).substr(from, 60)));
  }
  return result;
}

}  // namespace gannet
