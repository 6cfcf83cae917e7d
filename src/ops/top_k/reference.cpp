#include <cmath>

#include "backend/api/kernel.h"
#include "ops/top_k/top_k.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const int64_t n = x.shape.dim[1], k = args.as<TopKAttrs>().k;
  int64_t begin, end;
  worker.share(x.shape.dim[0], 1, begin, end);
  for (int64_t t = begin; t < end; ++t) {
    const float* values = x.f32(t);
    auto* ids = reinterpret_cast<int32_t*>(y.data + t * y.stride[0]);
    bool nan = false;
    for (int64_t i = 0; i < n; ++i) nan |= std::isnan(values[i]);
    for (int64_t place = 0; place < k; ++place) {
      int64_t best = nan ? place : -1;
      for (int64_t i = 0; i < n && !nan; ++i) {
        bool taken = false;
        for (int64_t j = 0; j < place; ++j) taken |= ids[j] == i;
        if (!taken && (best < 0 || values[i] > values[best])) best = i;
      }
      ids[place] = static_cast<int32_t>(best);
    }
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(top_k, {"top_k", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
