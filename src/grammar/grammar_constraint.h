// A grammar as a constraint on tokens: which tokens of a vocabulary may come next.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"
#include "grammar/token_trie.h"
#include "sample/token_constraint.h"

namespace gannet {

class TokenMasks;

// Copies are cheap (two words and a shared mask) and independent of each other: for the rows of a verify
// step, copy and accept. They share caches, so all copies of a constraint belong to one thread at a time.
class GrammarConstraint : public TokenConstraint {
 public:
  // Compiles the grammar. Errors (kUsage): those of Automaton::compile().
  static Result<GrammarConstraint> create(const Grammar& grammar, std::shared_ptr<const TokenTrie> trie);

  GrammarConstraint(const GrammarConstraint& other);
  GrammarConstraint& operator=(const GrammarConstraint& other);
  ~GrammarConstraint() override;

  // Tokens that keep the text a beginning of some text of the grammar. Ends of generation exactly when the
  // text is complete, or when one was accepted before. The mask stays as it is until the next call on this
  // copy or its end. Errors (kRuntime): nested or ambiguous beyond the limits of stack_table.h, no token of
  // the vocabulary fits.
  Result<std::span<const uint64_t>> allowed() override;
  void accept(TokenId token) override;

  bool complete() const;                 // the text so far is one of the grammar
  bool ended() const { return ended_; }  // an end of generation was accepted
  // The text so far cannot be continued: only an end of generation may come.
  bool only_end() const;
  // Whether `token` may come next: what its bit in allowed() says, without a mask.
  bool allows(TokenId token) const;

 private:
  friend class TokenMasks;
  explicit GrammarConstraint(std::shared_ptr<TokenMasks> masks);

  std::shared_ptr<TokenMasks> masks_;
  uint32_t config_ = 0;  // in the tables of masks_, which may number it anew
  bool ended_ = false;
  std::shared_ptr<const std::vector<uint64_t>> mask_;  // what allowed() returned last
};

}  // namespace gannet
