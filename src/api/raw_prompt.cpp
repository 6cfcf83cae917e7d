#include "api/raw_prompt.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

std::optional<TokenId> token_of(const Fields& fields, const std::string& where, const Json& json) {
  const auto number = json_integer(json);
  if (number && *number >= 0 && *number <= std::numeric_limits<TokenId>::max())
    return static_cast<TokenId>(*number);
  fields.fail(where, json.is_number() ? "is no token number"
                                      : fmt::format("must be a token number, not {}", json_kind(json)));
  return std::nullopt;
}

RawPrompt read_prompt(const Fields& fields, const std::string& where, const Json& json) {
  RawPrompt prompt;
  if (json.is_string()) {
    prompt.pieces.emplace_back(json.get<std::string>());
  } else if (json.is_object()) {
    const Fields object(json, fields.path(where), fields.problem());
    object.refuse("multimodal_data", "images and sound are not supported");
    std::string text;
    object.needed_text("prompt_string", &text);
    prompt.pieces.emplace_back(std::move(text));
  } else if (json.is_array()) {
    if (json.empty()) fields.fail(where, "is empty");
    for (size_t i = 0; i < json.size() && fields.ok(); ++i) {
      const Json& item = json[i];
      if (item.is_string()) {
        prompt.pieces.emplace_back(item.get<std::string>());
      } else if (const auto token = token_of(fields, fmt::format("{}[{}]", where, i), item)) {
        if (prompt.pieces.empty() || std::holds_alternative<std::string>(prompt.pieces.back())) {
          prompt.pieces.emplace_back(std::vector<TokenId>());
        }
        std::get<std::vector<TokenId>>(prompt.pieces.back()).push_back(*token);
      }
    }
  } else {
    fields.fail_kind(where, "a string, an array of token numbers, or an array of prompts", json);
  }
  return prompt;
}

}  // namespace

RawInput read_raw_input(const Fields& fields, std::string_view key) {
  RawInput input;
  const Json* said = fields.find(key);
  if (!said) {
    fields.fail(key, "is missing");
    return input;
  }
  const auto is_string = [](const Json& item) { return item.is_string(); };
  const auto is_nested = [](const Json& item) { return item.is_array() || item.is_object(); };
  const bool many = said->is_array() && !said->empty() &&
                    (std::all_of(said->begin(), said->end(), is_string) ||
                     std::any_of(said->begin(), said->end(), is_nested));
  if (!many) {
    input.prompts.push_back(read_prompt(fields, std::string(key), *said));
    return input;
  }
  if (said->size() > kMostPrompts) {
    fields.fail(key, fmt::format("has {} prompts; at most {} are taken", said->size(), kMostPrompts));
    return input;
  }
  for (size_t i = 0; i < said->size() && fields.ok(); ++i) {
    const Json& item = (*said)[i];
    const std::string where = fmt::format("{}[{}]", key, i);
    if (item.is_number()) {
      fields.fail(where, "token numbers beside prompts; put them into a list of their own");
    } else {
      input.prompts.push_back(read_prompt(fields, where, item));
    }
  }
  return input;
}

std::vector<TokenId> read_tokens(const Fields& fields, std::string_view key) {
  std::vector<TokenId> tokens;
  if (!fields.has(key)) fields.fail(key, "is missing");
  const Json& list = fields.list(key);
  for (size_t i = 0; i < list.size() && fields.ok(); ++i) {
    if (const auto token = token_of(fields, fmt::format("{}[{}]", key, i), list[i])) tokens.push_back(*token);
  }
  return tokens;
}

}  // namespace gannet
