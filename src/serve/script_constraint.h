// An answer given in advance as a constraint on tokens: clients are tested against texts that no small model
// would say, through everything else that a server does.
#pragma once

#include <vector>

#include "sample/token_constraint.h"

namespace gannet {

// Allows the tokens of one text in their order, then the ends of generation.
class ScriptConstraint : public TokenConstraint {
 public:
  // `vocabulary` must outlive it and hold `tokens`.
  ScriptConstraint(std::vector<TokenId> tokens, const Vocabulary& vocabulary);

  Result<std::span<const uint64_t>> allowed() override;
  void accept(TokenId token) override;

 private:
  void show(bool on);

  std::vector<TokenId> tokens_;
  const Vocabulary& vocabulary_;
  size_t at_ = 0;
  std::vector<uint64_t> mask_;
};

}  // namespace gannet
