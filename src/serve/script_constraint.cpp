#include "serve/script_constraint.h"

#include <utility>

namespace gannet {

ScriptConstraint::ScriptConstraint(std::vector<TokenId> tokens, const Vocabulary& vocabulary)
    : tokens_(std::move(tokens)),
      vocabulary_(vocabulary),
      mask_((static_cast<size_t>(vocabulary.size()) + 63) / 64) {
  show(true);
}

// Whether what comes next may come.
void ScriptConstraint::show(bool on) {
  const auto set = [&](TokenId token) {
    const auto t = static_cast<size_t>(token);
    const uint64_t bit = uint64_t{1} << (t % 64);
    mask_[t / 64] = on ? mask_[t / 64] | bit : mask_[t / 64] & ~bit;
  };
  if (at_ < tokens_.size())
    set(tokens_[at_]);
  else
    for (const TokenId end : vocabulary_.end_tokens()) set(end);
}

Result<std::span<const uint64_t>> ScriptConstraint::allowed() {
  return std::span<const uint64_t>(mask_);
}

void ScriptConstraint::accept(TokenId) {
  if (at_ == tokens_.size()) return;
  show(false);
  ++at_;
  show(true);
}

}  // namespace gannet
