#include "engine/thought_rules.h"

namespace gannet {

Result<ThoughtRules> thought_rules(const Tokenizer& tokenizer, const ThoughtTexts& texts) {
  ThoughtRules rules;
  rules.budget = texts.budget;
  rules.open_at_start = texts.open_at_start;
  if (texts.budget < 0) return rules;
  rules.open = {GANNET_TRY(tokenizer.encode(texts.open, {.parse_special = true}))};
  rules.close = {GANNET_TRY(tokenizer.encode(texts.close, {.parse_special = true}))};
  rules.message = GANNET_TRY(tokenizer.encode(texts.message, {.parse_special = false}));
  const auto closing = GANNET_TRY(tokenizer.encode(texts.closing, {.parse_special = true}));
  rules.message.insert(rules.message.end(), closing.begin(), closing.end());
  return rules;
}

}  // namespace gannet
