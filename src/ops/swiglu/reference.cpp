#include <cmath>

#include "backend/api/kernel.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &gate = args.operands[0], &up = args.operands[1], &y = args.results[0];
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const float* pg = reinterpret_cast<const float*>(gate.flat_row(r));
    const float* pu = reinterpret_cast<const float*>(up.flat_row(r));
    float* py = reinterpret_cast<float*>(y.flat_row(r));
    for (int64_t i = 0; i < y.shape.last(); ++i) {
      const double g = pg[i];
      py[i] = static_cast<float>(g / (1.0 + std::exp(-g)) * pu[i]);
    }
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(swiglu, {"swiglu", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
