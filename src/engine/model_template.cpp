#include "engine/model_template.h"

#include <utility>
#include <vector>

namespace gannet {
namespace {

bool is_one_token(const Tokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.encode(text, {.parse_special = true});
  return ids.ok() && ids->size() == 1;
}

bool has_chatml(const Tokenizer& tokenizer) {
  return is_one_token(tokenizer, "<|im_start|>") && is_one_token(tokenizer, "<|im_end|>");
}

std::string token_text(const Tokenizer& tokenizer, SpecialToken which) {
  const auto id = tokenizer.vocabulary().special(which);
  return id ? std::string(tokenizer.output_piece(*id, /*show_special=*/true)) : std::string();
}

}  // namespace

Result<std::optional<ChatTemplate>> model_template(const GgufFile& file, const Tokenizer& tokenizer,
                                                   std::string_view wanted) {
  const std::vector<std::pair<std::string, std::string>> tokens = {
      {"bos_token", token_text(tokenizer, SpecialToken::kBos)},
      {"eos_token", token_text(tokenizer, SpecialToken::kEos)}};
  std::string source(wanted);
  if (source.empty()) source = GANNET_TRY(file.get_string("tokenizer.chat_template")).value_or("");
  if (source.empty() && !has_chatml(tokenizer)) return std::optional<ChatTemplate>();
  if (source.empty() || source == "chatml") source = ChatTemplate::chatml();
  return std::optional(GANNET_TRY(ChatTemplate::make(source, tokens)));
}

}  // namespace gannet
