#include "sample/thought_budget.h"

#include <algorithm>

#include "text/utf8.h"

namespace gannet {
namespace {

// A sequence has at most four bytes, so the rest of one comes in three tokens, if it comes.
constexpr int kMostWaits = 3;

}  // namespace

ThoughtBudget::ThoughtBudget(const ThoughtRules& rules, const Vocabulary& vocabulary)
    : vocabulary_(&vocabulary) {
  if (rules.budget < 0 || rules.message.empty()) return;
  rules_ = &rules;
  for (const auto* tags : {&rules.open, &rules.close})
    for (const std::vector<TokenId>& tag : *tags) longest_ = std::max(longest_, tag.size());
  if (rules.open_at_start) enter();
}

void ThoughtBudget::enter() {
  place_ = Place::kInside;
  left_ = rules_->budget;
  waited_ = 0;
  bytes_.clear();
  recent_.clear();
  if (left_ == 0) {
    place_ = Place::kForcing;
    at_ = 0;
  }
}

std::optional<TokenId> ThoughtBudget::forced() const {
  return place_ == Place::kForcing ? std::optional(rules_->message[at_]) : std::nullopt;
}

bool ThoughtBudget::ends_with(const std::vector<std::vector<TokenId>>& tags) const {
  return std::ranges::any_of(tags, [&](const std::vector<TokenId>& tag) {
    return !tag.empty() && tag.size() <= recent_.size() &&
           std::equal(tag.rbegin(), tag.rend(), recent_.rbegin());
  });
}

// Whether a UTF-8 sequence is open behind `token`.
bool ThoughtBudget::cut(TokenId token) {
  bytes_ += vocabulary_->piece(token);
  std::string_view rest = bytes_;
  while (!rest.empty()) {
    rest.remove_prefix(utf8_valid_prefix(rest));
    if (rest.empty()) break;
    const Utf8Step step = utf8_step(rest);
    if (step.kind == Utf8Kind::kIncomplete) break;
    rest.remove_prefix(step.length);
  }
  bytes_.erase(0, bytes_.size() - rest.size());
  return !bytes_.empty();
}

void ThoughtBudget::accept(TokenId token) {
  if (rules_ == nullptr) return;
  if (place_ == Place::kForcing) {
    if (++at_ == rules_->message.size()) {
      place_ = Place::kOutside;
      recent_.clear();
    }
    return;
  }
  recent_.push_back(token);
  if (recent_.size() > longest_) recent_.erase(recent_.begin());
  if (place_ == Place::kOutside) {
    if (ends_with(rules_->open)) enter();
    return;
  }
  if (ends_with(rules_->close)) {
    place_ = Place::kOutside;
    recent_.clear();
    return;
  }
  const bool is_cut = cut(token);
  if (place_ == Place::kInside && --left_ > 0) return;
  if (place_ == Place::kWaiting) ++waited_;
  place_ = is_cut && waited_ < kMostWaits ? Place::kWaiting : Place::kForcing;
  at_ = 0;
}

}  // namespace gannet
