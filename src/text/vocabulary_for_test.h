// A vocabulary to build in tests: starts with the 256 byte tokens in byte order (id = byte), then whatever is
// added.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/byte_alphabet.h"
#include "text/tokenizer.h"

namespace gannet {

struct VocabularyForTest {
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  std::vector<std::string> merges;
  std::string pre = "qwen35";
  VocabularySource extra;  // ids and flags

  static VocabularyForTest with_bytes() {
    VocabularyForTest v;
    for (int b = 0; b < 256; ++b) {
      const char byte = static_cast<char>(b);
      v.add(map_bytes(std::string_view(&byte, 1)));
    }
    return v;
  }

  TokenId add(std::string text, TokenType type = TokenType::kNormal) {
    tokens.push_back(std::move(text));
    types.push_back(static_cast<int32_t>(type));
    return static_cast<TokenId>(tokens.size() - 1);
  }

  // A merge of two byte strings, and the token it makes.
  TokenId add_merge(std::string_view left, std::string_view right) {
    merges.push_back(map_bytes(left) + " " + map_bytes(right));
    return add(map_bytes(std::string(left) + std::string(right)));
  }

  Result<Tokenizer> build() const {
    const std::vector<std::string_view> token_views(tokens.begin(), tokens.end());
    const std::vector<std::string_view> merge_views(merges.begin(), merges.end());
    VocabularySource source = extra;
    source.pre = pre;
    source.tokens = token_views;
    source.types = types;
    source.merges = merge_views;
    return Tokenizer::build(source);
  }
};

}  // namespace gannet
