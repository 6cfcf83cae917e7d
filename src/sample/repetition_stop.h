// Notices that an answer has begun to turn in a circle: its last tokens are one n-gram over and over.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/vocabulary.h"

namespace gannet {

struct RepetitionRules {
  int longest = 0;  // tokens of the n-gram at most; 0: off
  int times = 4;    // it stands there at least so often, one after the other
  int least = 32;   // and the whole is at least so many tokens long
};
inline constexpr int kMostRepetitionTokens = 4096;

// One answer. O(longest) for each token.
class RepetitionStop {
 public:
  RepetitionStop() = default;
  explicit RepetitionStop(const RepetitionRules& rules);

  // `answer` is all of it so far and one token longer than at the last call. True: it repeats itself.
  bool accept(std::span<const TokenId> answer);

 private:
  RepetitionRules rules_;
  std::vector<int64_t> same_;  // by period: so many tokens in a row were those of one period before
};

}  // namespace gannet
