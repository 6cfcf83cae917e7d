// A vocabulary of any size for models with random weights: shaped like a trained byte-level BPE vocabulary
// (bytes, then merges in rank order, control tokens, padding), so that every program that runs such models
// can load and tokenize with it. The words in it mean nothing. Must not know: how a file stores it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/vocabulary.h"

namespace gannet {

struct SyntheticVocabulary {
  std::vector<std::string> tokens;  // byte alphabet, control and padding texts literal
  std::vector<int32_t> types;       // TokenType, one per token
  std::vector<std::string> merges;  // "left right"; merge r makes token 256 + r
  TokenId end_of_text = 0;          // <|endoftext|>
  TokenId im_start = 0;             // <|im_start|>
  TokenId im_end = 0;               // <|im_end|>
};

inline constexpr size_t kSmallestSyntheticVocabulary = 256 + 3;

// Exactly n_tokens tokens, kSmallestSyntheticVocabulary to kMaxTokens. The same on every machine. About a
// microsecond per token.
SyntheticVocabulary make_synthetic_vocabulary(size_t n_tokens);

}  // namespace gannet
