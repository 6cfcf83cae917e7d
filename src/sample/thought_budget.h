// Ends a thought that has become too long: when so many tokens stand in it, a message is forced token by
// token, which says so and closes it. Knows tokens, not texts of templates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "text/vocabulary.h"

namespace gannet {

struct ThoughtRules {
  int64_t budget = -1;  // tokens inside a thought before the message; < 0: any number
  // Any of these token sequences opens and closes a thought. Often one token each.
  std::vector<std::vector<TokenId>> open, close;
  bool open_at_start = false;    // the prompt ends inside a thought
  std::vector<TokenId> message;  // with the closing tag at its end, for example "\n</think>\n\n"
};

// One answer's way through the rules; each thought has the whole budget. The message waits for the end of a
// UTF-8 sequence that tokens have cut, for at most three tokens.
class ThoughtBudget {
 public:
  // Off.
  ThoughtBudget() = default;
  // `rules` and `vocabulary` must outlive it.
  ThoughtBudget(const ThoughtRules& rules, const Vocabulary& vocabulary);

  // The token that has to come next, whatever the model says.
  std::optional<TokenId> forced() const;
  // `token` is part of the answer from now on.
  void accept(TokenId token);

 private:
  enum class Place : uint8_t { kOutside, kInside, kWaiting, kForcing };
  bool ends_with(const std::vector<std::vector<TokenId>>& tags) const;
  void enter();
  bool cut(TokenId token);

  const ThoughtRules* rules_ = nullptr;
  const Vocabulary* vocabulary_ = nullptr;
  Place place_ = Place::kOutside;
  int64_t left_ = 0;
  int waited_ = 0;
  size_t at_ = 0;                // in the message
  std::vector<TokenId> recent_;  // as many as the longest tag has
  size_t longest_ = 0;
  std::string bytes_;  // of a UTF-8 sequence that is not complete
};

}  // namespace gannet
