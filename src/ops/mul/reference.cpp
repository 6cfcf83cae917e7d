#include "backend/api/kernel.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &a = args.operands[0], &b = args.operands[1], &y = args.results[0];
  const bool broadcast = b.shape.last() == 1;
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const float* pa = reinterpret_cast<const float*>(a.flat_row(r));
    const float* pb = reinterpret_cast<const float*>(b.flat_row(r));
    float* py = reinterpret_cast<float*>(y.flat_row(r));
    for (int64_t i = 0; i < y.shape.last(); ++i) py[i] = pa[i] * pb[broadcast ? 0 : i];
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS({"mul", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
