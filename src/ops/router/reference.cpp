// router, the law: softmax in double; experts are compared by their logits, of which the softmax is a rising
// function.
#include <cmath>

#include "backend/api/kernel.h"
#include "ops/router/router.h"

namespace gannet {
namespace {

void route(const float* logits, int64_t n_experts, int64_t top_k, int32_t* experts, float* weights) {
  double largest = -INFINITY;
  bool nan = false;
  for (int64_t e = 0; e < n_experts; ++e) {
    nan |= std::isnan(logits[e]);
    if (logits[e] > largest) largest = logits[e];
  }
  double total = 0;
  for (int64_t e = 0; e < n_experts; ++e) total += std::exp(logits[e] - largest);
  double chosen = 0;
  for (int64_t k = 0; k < top_k; ++k) {
    int64_t best = nan ? k : -1;
    for (int64_t e = 0; e < n_experts && !nan; ++e) {
      bool taken = false;
      for (int64_t j = 0; j < k; ++j) taken |= experts[j] == e;
      if (!taken && (best < 0 || logits[e] > logits[best])) best = e;
    }
    experts[k] = static_cast<int32_t>(best);
    const double s = nan ? NAN : std::exp(logits[best] - largest) / total;
    weights[k] = static_cast<float>(s);
    chosen += s;
  }
  const double divisor = chosen < 0x1p-14 ? 0x1p-14 : chosen;
  for (int64_t k = 0; k < top_k; ++k) weights[k] = static_cast<float>(weights[k] / divisor);
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &logits = args.operands[0], &experts = args.results[0], &weights = args.results[1];
  int64_t begin, end;
  worker.share(logits.shape.dim[0], 1, begin, end);
  for (int64_t t = begin; t < end; ++t)
    route(logits.f32(t), logits.shape.dim[1], args.as<RouterAttrs>().top_k,
          reinterpret_cast<int32_t*>(experts.data + t * experts.stride[0]), weights.f32(t));
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(router, {.op = "router",
                        .name = "reference",
                        .isa = Isa::kScalar,
                        .priority = 0,
                        .refuses = nullptr,
                        .workspace = nullptr,
                        .run = run})
