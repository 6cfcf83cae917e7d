// `prompt` as OpenAI and llama.cpp take it: a text, a list of token numbers, a list that mixes both, or a
// list of such prompts; llama.cpp's {"prompt_string": ...} too. A list of nothing but texts is a list of
// prompts.
#pragma once

#include <string_view>

#include "api/fields.h"
#include "api/generation.h"

namespace gannet {

inline constexpr size_t kMostPrompts = 1024;

RawInput read_raw_input(const Fields& fields, std::string_view key);

// A list of token numbers, each 0 or more.
std::vector<TokenId> read_tokens(const Fields& fields, std::string_view key);

}  // namespace gannet
