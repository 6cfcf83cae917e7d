// DRY, "don't repeat yourself" (p-e-w, text-generation-webui #5677): which tokens would go on repeating what
// the text said before, and what they lose for it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sample/params.h"
#include "text/vocabulary.h"

namespace gannet {

// Texts over which no repetition reaches ("\n"), found in the bytes of tokens, also where one lies across
// several. Immutable after create().
class DryBreakers {
 public:
  static constexpr size_t kMostBreakers = 256, kLongestBreaker = 256;

  // O(bytes of the vocabulary * breakers). `vocabulary` must outlive it. Errors (kUsage): an empty text, too
  // many or too long ones.
  static Result<std::shared_ptr<const DryBreakers>> create(const Vocabulary& vocabulary,
                                                           std::span<const std::string> texts);

  // Whether a breaker lies in this token; such tokens are never penalised. False for ids of no token.
  bool contains(TokenId token) const { return has(contains_, token); }
  // How many tokens stand behind the breaker that ends last; all of them when there is none.
  size_t tokens_behind(std::span<const TokenId> history) const;

 private:
  explicit DryBreakers(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {}
  static bool has(const std::vector<bool>& of, TokenId token) {
    return token >= 0 && static_cast<size_t>(token) < of.size() && of[static_cast<size_t>(token)];
  }

  const Vocabulary* vocabulary_;
  std::vector<std::string> texts_;
  size_t longest_ = 0;
  std::vector<bool> contains_;
  std::vector<bool> begins_;  // ends in a proper prefix of a breaker
};

struct DryScratch {
  std::vector<size_t> matches;
  std::vector<std::pair<TokenId, size_t>> longest;
};

// The tokens that lose, ascending, with what they lose as a negative bias. O(n) in the tokens looked at, but
// for sorting those that would repeat something.
void find_dry_penalties(const SamplingParams& params, std::span<const TokenId> history, DryScratch* scratch,
                        std::vector<LogitBias>* out);

}  // namespace gannet
