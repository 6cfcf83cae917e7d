// The choice of experts from the router's logits, without the softmax over all experts: the weights are
// ratios, so the total cancels, and the floor 2^-14 on the chosen share cannot bind while n_experts <= 2^14
// top_k. One pass keeps the best top_k in order.
#pragma once

#include <math.h>

#include "tensor/half.h"

namespace gannet::GANNET_ISA_NS {

// The most experts per chosen one, see above.
inline constexpr int64_t kMostExpertsPerChoice = 16384;

// Puts expert e at its place among the n best so far (n <= top_k places); equal logits stay behind earlier
// experts.
GANNET_INLINE void insert_expert(const float* logits, int32_t e, int32_t* experts, int64_t& n,
                                 int64_t top_k) {
  int64_t at = n < top_k ? n++ : top_k - 1;
  for (; at > 0 && logits[experts[at - 1]] < logits[e]; --at) experts[at] = experts[at - 1];
  experts[at] = e;
}

// experts and weights receive top_k entries. NaN anywhere gives the experts 0, 1, .. and weights NaN.
GANNET_INLINE void route_token(const float* logits, int64_t n_experts, int64_t top_k, int32_t* experts,
                               float* weights) {
  float odd = 0;
  for (int64_t e = 0; e < n_experts; ++e) odd = logits[e] != logits[e] ? 1.0f : odd;
  if (odd != 0) {
    for (int64_t k = 0; k < top_k; ++k) {
      experts[k] = static_cast<int32_t>(k);
      weights[k] = __builtin_nanf("");
    }
    return;
  }
  int64_t n = 0;
  for (int64_t e = 0; e < n_experts; ++e)
    if (n < top_k || logits[e] > logits[experts[top_k - 1]])
      insert_expert(logits, static_cast<int32_t>(e), experts, n, top_k);
  double total = 0;
  for (int64_t k = 0; k < top_k; ++k) {
    const double s = ::exp(static_cast<double>(logits[experts[k]]) - static_cast<double>(logits[experts[0]]));
    weights[k] = static_cast<float>(s);
    total += s;
  }
  for (int64_t k = 0; k < top_k; ++k) weights[k] = static_cast<float>(weights[k] / total);
}

}  // namespace gannet::GANNET_ISA_NS
