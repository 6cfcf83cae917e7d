// The choices of a mixture of experts sorted by expert, so that the weights of an expert are read once for
// all tokens that chose it. Shared by the ops that multiply with experts.
#pragma once

#include "backend/api/kernel.h"
#include "base/check.h"

namespace gannet::GANNET_ISA_NS {

// Pairs (token, choice) by expert, stable: expert e has places firsts[e] .. firsts[e + 1] - 1.
struct ExpertPairs {
  int64_t n_experts, top_k;
  int32_t* firsts;  // n_experts + 1
  int32_t* order;   // place -> token * top_k + choice

  GANNET_INLINE int64_t count(int64_t e) const { return firsts[e + 1] - firsts[e]; }

  // The first place of expert e that belongs to token `t` or one behind it.
  GANNET_INLINE int64_t place(int64_t e, int64_t t) const {
    int64_t at = firsts[e];
    while (at < firsts[e + 1] && order[at] < t * top_k) ++at;
    return at;
  }

  GANNET_INLINE int64_t active() const {
    int64_t n = 0;
    for (int64_t e = 0; e < n_experts; ++e) n += count(e) > 0;
    return n;
  }

  // choices_of(t): the top_k experts of token t, const int32_t*. `what` is said when one is out of range.
  template <class F>
  GANNET_INLINE void sort(int64_t n_tokens, F choices_of, const char* what) const {
    const auto expert_of = [&](int64_t t, int64_t k) {
      const int32_t e = choices_of(t)[k];
      GANNET_CHECK(e >= 0 && e < n_experts, what);
      return e;
    };
    for (int64_t e = 0; e <= n_experts; ++e) firsts[e] = 0;
    for (int64_t t = 0; t < n_tokens; ++t)
      for (int64_t k = 0; k < top_k; ++k) ++firsts[expert_of(t, k) + 1];
    for (int64_t e = 0; e < n_experts; ++e) firsts[e + 1] += firsts[e];
    // Filling moves firsts[e] to the end of e, which is the start of e + 1; moved back after.
    for (int64_t t = 0; t < n_tokens; ++t)
      for (int64_t k = 0; k < top_k; ++k)
        order[firsts[expert_of(t, k)]++] = static_cast<int32_t>(t * top_k + k);
    for (int64_t e = n_experts; e > 0; --e) firsts[e] = firsts[e - 1];
    firsts[0] = 0;
  }
};

// The most rows of a work item, for few tokens and for many.
GANNET_INLINE int64_t most_expert_rows(int64_t n_tokens) {
  return n_tokens <= 8 ? 256 : 64;
}

// The most results of one work item for up to n_tokens, one for each row and token.
GANNET_INLINE int64_t most_expert_results(int64_t n_tokens) {
  const int64_t few = n_tokens < 8 ? n_tokens : 8, all = n_tokens * most_expert_rows(n_tokens);
  return all > few * most_expert_rows(few) ? all : few * most_expert_rows(few);
}

// Rows per work item: at most `rows`, fewer until each member can have about four items. Long pieces are
// worth more than members that finish at the same moment: every piece is a stream that the hardware must find
// first.
GANNET_INLINE int64_t expert_item_rows(int64_t rows, int64_t n_rows, int64_t n_matrices, int members) {
  while (rows > 32 && n_matrices * ((n_rows + rows - 1) / rows) < 4 * members) rows /= 2;
  return rows;
}

}  // namespace gannet::GANNET_ISA_NS
