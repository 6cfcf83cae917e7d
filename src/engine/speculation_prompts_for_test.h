// Prompts for tests and measurements of speculation: those kept in tests/data/speculation, and as many made
// ones as wanted, the same on every machine and in every run. Read from the source directory.
#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace gannet {

struct KeptPrompt {
  std::string kind;  // "dictionary", "json", "code", "prose"
  std::string name;  // of its own within the kind
  std::string text;  // complete, with the markers of chats: encode with parse_special
};
// Those of tests/data/speculation/prompts.txt, in their order.
std::vector<KeptPrompt> kept_prompts();

// Rewriting a file of 200 lines with one of them changed, as a chat.
struct EditForTest {
  std::string prompt;  // holds the file; ends where the answer begins
  std::string answer;  // the changed file, whole; no end marker
};
EditForTest edit_for_test();

struct MadePrompt {
  std::string name;  // "cjk 3"
  std::vector<TokenId> ids;
};
// n prompts: text, code, JSON, repetition, CJK and random ids in turn, so that the first six are one of each.
// A prompt does not depend on n. Lengths differ, up to most_tokens; those of repetition are that long (n-gram
// sources with their usual sizes need about 80), only those of random ids go down to one token.
std::vector<MadePrompt> made_prompts(const Tokenizer& tokenizer, size_t n, size_t most_tokens = 128);
// The same for a model without a tokenizer: a word or a sign is one id, found by hashing.
std::vector<MadePrompt> made_prompts(int32_t n_vocab, size_t n, size_t most_tokens = 128);
// As many as the full test of identity takes.
inline constexpr size_t kIdentityPrompts = 210;

}  // namespace gannet
