// A row of which the likeliest are known, as a device gives them, for tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "sample/logits_row.h"

namespace gannet {

struct RowForTest {
  std::vector<float> logits;
  std::vector<Candidate> top;
  bool all = true;
  size_t n_vocab;  // what all of it is
  int n_read = 0;  // so often

  // What is NaN or +infinity comes first.
  RowForTest(std::vector<float> of, size_t k) : logits(std::move(of)), n_vocab(logits.size()) {
    for (size_t i = 0; i < logits.size(); ++i)
      if (logits[i] != -INFINITY) top.push_back({logits[i], static_cast<TokenId>(i)});
    const auto rank = [](const Candidate& c) { return std::isnan(c.logit) ? INFINITY : c.logit; };
    std::ranges::stable_sort(top, [&](const Candidate& a, const Candidate& b) { return rank(a) > rank(b); });
    all = top.size() < k;
    top.resize(std::min(top.size(), k));
  }
  LogitsRow row() {
    return {{top, all}, [this]() -> Result<std::span<const float>> {
              ++n_read;
              return std::span<const float>(logits).first(n_vocab);
            }};
  }
};

}  // namespace gannet
