#include <cmath>

#include "backend/api/kernel.h"
#include "ops/l2_norm/l2_norm.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const int64_t n = x.shape.last();
  const double eps = static_cast<double>(args.as<L2NormAttrs>().eps);
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const float* px = reinterpret_cast<const float*>(x.flat_row(r));
    float* py = reinterpret_cast<float*>(y.flat_row(r));
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(px[i]) * px[i];
    const double scale = 1.0 / std::sqrt(sum + eps);
    for (int64_t i = 0; i < n; ++i) py[i] = static_cast<float>(px[i] * scale);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(l2_norm, {"l2_norm", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
