#include "backend/api/kernel.h"
#include "ops/cumsum/cumsum.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const float* px = reinterpret_cast<const float*>(x.flat_row(r));
    float* py = reinterpret_cast<float*>(y.flat_row(r));
    double sum = 0;
    for (int64_t i = 0; i < y.shape.last(); ++i) {
      sum += static_cast<double>(px[i]);
      py[i] = static_cast<float>(sum);
    }
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(cumsum, {"cumsum", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
