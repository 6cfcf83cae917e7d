#include "sample/repetition_stop.h"

#include <algorithm>

namespace gannet {

RepetitionStop::RepetitionStop(const RepetitionRules& rules) : rules_(rules) {
  rules_.longest = std::clamp(rules.longest, 0, kMostRepetitionTokens);
  rules_.times = std::max(rules.times, 2);
  same_.assign(static_cast<size_t>(rules_.longest) + 1, 0);
}

bool RepetitionStop::accept(std::span<const TokenId> answer) {
  const size_t n = answer.size();
  bool stop = false;
  for (size_t period = 1; period < same_.size() && period < n; ++period) {
    int64_t& same = same_[period];
    same = answer[n - 1] == answer[n - 1 - period] ? same + 1 : 0;
    const auto p = static_cast<int64_t>(period);
    stop = stop || (same >= (rules_.times - 1) * p && same + p >= rules_.least);
  }
  return stop;
}

}  // namespace gannet
