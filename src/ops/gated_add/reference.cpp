#include <cmath>

#include "backend/api/kernel.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &a = args.operands[0], &b = args.operands[1], &s = args.operands[2], &y = args.results[0];
  int64_t begin, end;
  worker.share(y.shape.dim[0], 1, begin, end);
  for (int64_t t = begin; t < end; ++t) {
    const double gate = 1.0 / (1.0 + std::exp(-static_cast<double>(s.f32(t)[0])));
    for (int64_t i = 0; i < y.shape.last(); ++i)
      y.f32(t)[i] = static_cast<float>(a.f32(t)[i] + gate * b.f32(t)[i]);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(gated_add, {"gated_add", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
