// What a request allows as its next token: a grammar, a schema. The sampler asks before each draw; whoever
// owns the request tells it the token that was drawn.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "text/vocabulary.h"

namespace gannet {

// One thread at a time.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // One bit per token of the vocabulary, token t in bit t % 64 of word t / 64: set where it may come next.
  // Empty: all may. Good until the next call. Errors (kRuntime): limits of the grammar; the request fails
  // then.
  virtual Result<std::span<const uint64_t>> allowed() = 0;

  // `token`, which was allowed, is part of the text from now on.
  virtual void accept(TokenId token) = 0;
};

// Whether allowed() has the token.
inline bool is_allowed(std::span<const uint64_t> allowed, TokenId token) {
  return allowed.empty() || (allowed[static_cast<size_t>(token) / 64] >> (token % 64) & 1) != 0;
}

}  // namespace gannet
