// router without the softmax over all experts: the weights are ratios, so the total cancels, and the floor
// 2^-14 on the chosen share cannot bind while n_experts <= 2^14 top_k. One pass keeps the best top_k in
// order.
#include <math.h>

#include "backend/api/kernel.h"
#include "ops/router/router.h"

namespace gannet::GANNET_ISA_NS {
namespace {

const char* refuses(const OpSite& site) {
  return site.operands[0].shape.dim[1] > 16384 * site.as<RouterAttrs>().top_k
             ? "too many experts for the chosen few"
             : nullptr;
}

// Puts expert e at its place among the n best so far (n <= top_k places); equal logits stay behind earlier
// experts.
GANNET_INLINE void insert(const float* logits, int32_t e, int32_t* experts, int64_t& n, int64_t top_k) {
  int64_t at = n < top_k ? n++ : top_k - 1;
  for (; at > 0 && logits[experts[at - 1]] < logits[e]; --at) experts[at] = experts[at - 1];
  experts[at] = e;
}

void route(const float* logits, int64_t n_experts, int64_t top_k, int32_t* experts, float* weights) {
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
      insert(logits, static_cast<int32_t>(e), experts, n, top_k);
  double total = 0;
  for (int64_t k = 0; k < top_k; ++k) {
    const double s = ::exp(static_cast<double>(logits[experts[k]]) - static_cast<double>(logits[experts[0]]));
    weights[k] = static_cast<float>(s);
    total += s;
  }
  for (int64_t k = 0; k < top_k; ++k) weights[k] = static_cast<float>(weights[k] / total);
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &logits = args.operands[0], &experts = args.results[0], &weights = args.results[1];
  int64_t begin, end;
  while (worker.claim(logits.shape.dim[0], 16, begin, end))
    for (int64_t t = begin; t < end; ++t)
      route(logits.f32(t), logits.shape.dim[1], args.as<RouterAttrs>().top_k,
            reinterpret_cast<int32_t*>(experts.data + t * experts.stride[0]), weights.f32(t));
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS({.op = "router",
                .name = GANNET_ISA_NAME,
                .isa = GANNET_ISA_ENUM,
                .priority = 1,
                .refuses = GANNET_ISA_NS::refuses,
                .workspace = nullptr,
                .run = GANNET_ISA_NS::run})
