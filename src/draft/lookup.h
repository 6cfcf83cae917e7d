// Copying drafts from the text.
#pragma once

#include <span>
#include <vector>

#include "draft/drafter.h"
#include "draft/match_rates.h"

namespace gannet {

// How many tokens in front of `at` are those at the end of the text; at most `most`.
inline int match_length(std::span<const TokenId> history, size_t at, int most) {
  int n = 0;
  while (n < most && static_cast<size_t>(n) < at &&
         history[at - 1 - static_cast<size_t>(n)] == history[history.size() - 1 - static_cast<size_t>(n)])
    ++n;
  return n;
}

// Drafts the `n` tokens from `at` on, which followed the end of the text `seen` times and others `others`
// times. Where the text ends they go on with themselves, as a loop does.
inline void copy_from(std::span<const TokenId> history, size_t at, int n, int seen, int others,
                      std::vector<DraftToken>& out) {
  const size_t first = out.size(), left = history.size() - at;
  const int length = match_length(history, at, 64);
  for (int i = 0; i < n; ++i) {
    const size_t k = static_cast<size_t>(i);
    const TokenId token = k < left ? history[at + k] : out[first + k - left].token;
    out.push_back({.token = token, .confidence = usual_rate(length + i, seen, others)});
  }
}

}  // namespace gannet
