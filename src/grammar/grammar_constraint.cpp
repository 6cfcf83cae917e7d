#include "grammar/grammar_constraint.h"

#include "grammar/token_masks.h"

namespace gannet {

Result<GrammarConstraint> GrammarConstraint::create(const Grammar& grammar,
                                                    std::shared_ptr<const TokenTrie> trie) {
  auto automaton = GANNET_TRY(Automaton::compile(grammar));
  return GrammarConstraint(std::make_shared<TokenMasks>(std::move(automaton), std::move(trie)));
}

GrammarConstraint::GrammarConstraint(std::shared_ptr<TokenMasks> masks)
    : masks_(std::move(masks)), config_(masks_->stacks().start()) {
  masks_->keep(&config_);
}

GrammarConstraint::GrammarConstraint(const GrammarConstraint& other)
    : masks_(other.masks_), config_(other.config_), ended_(other.ended_), mask_(other.mask_) {
  masks_->keep(&config_);
}

GrammarConstraint& GrammarConstraint::operator=(const GrammarConstraint& other) {
  if (this == &other) return *this;
  if (masks_ != other.masks_) {
    masks_->release(&config_);
    masks_ = other.masks_;
    masks_->keep(&config_);
  }
  config_ = other.config_;
  ended_ = other.ended_;
  mask_ = other.mask_;
  return *this;
}

GrammarConstraint::~GrammarConstraint() {
  masks_->release(&config_);
}

Result<std::span<const uint64_t>> GrammarConstraint::allowed() {
  if (ended_) {
    mask_ = masks_->only_end_tokens();
  } else {
    masks_->save_memory();
    mask_ = GANNET_TRY(masks_->mask(config_));
  }
  return std::span<const uint64_t>(*mask_);
}

void GrammarConstraint::accept(TokenId token) {
  if (masks_->trie().is_end(token) && (ended_ || complete()))
    ended_ = true;
  else
    config_ = allows(token) ? masks_->advance(config_, masks_->trie().text(token)) : StackTable::kDead;
}

bool GrammarConstraint::complete() const {
  return masks_->stacks().complete(config_);
}

bool GrammarConstraint::only_end() const {
  return ended_ || (complete() && !masks_->stacks().can_read(config_));
}

bool GrammarConstraint::allows(TokenId token) const {
  if (ended_ || masks_->trie().is_end(token)) return masks_->trie().is_end(token) && (ended_ || complete());
  const std::string_view text = masks_->trie().text(token);
  return !text.empty() && masks_->advance(config_, text) != StackTable::kDead;
}

}  // namespace gannet
