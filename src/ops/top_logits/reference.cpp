#include <cmath>
#include <cstring>

#include "backend/api/kernel.h"
#include "ops/top_logits/top_logits.h"

namespace gannet {
namespace {

// NaN is as good as infinity.
float rank(float value) {
  return std::isnan(value) ? INFINITY : value;
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const int64_t n = x.shape.dim[1], k = args.as<TopLogitsAttrs>().k;
  int64_t begin, end;
  worker.share(x.shape.dim[0], 1, begin, end);
  for (int64_t t = begin; t < end; ++t) {
    const float* values = x.f32(t);
    auto* pairs = reinterpret_cast<int32_t*>(y.data + t * y.stride[0]);
    const float none = -INFINITY;
    for (int64_t place = 0; place < k; ++place) {
      std::memcpy(pairs + 2 * place, &none, sizeof none);
      pairs[2 * place + 1] = -1;
    }
    for (int64_t i = 0; i < n; ++i) {
      // Behind all that are not smaller; the last one drops out.
      int64_t at = k;
      for (; at > 0; --at) {
        const int32_t before = pairs[2 * at - 1];
        if (rank(values[i]) <= (before < 0 ? none : rank(values[before]))) break;
        if (at < k) std::memcpy(pairs + 2 * at, pairs + 2 * (at - 1), 2 * sizeof(int32_t));
      }
      if (at == k || rank(values[i]) == none) continue;
      std::memcpy(pairs + 2 * at, values + i, sizeof(float));
      pairs[2 * at + 1] = static_cast<int32_t>(i);
    }
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(top_logits, {"top_logits", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
