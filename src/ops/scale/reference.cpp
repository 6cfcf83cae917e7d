#include "backend/api/kernel.h"
#include "ops/scale/scale.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const float factor = args.as<ScaleAttrs>().factor;
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const float* px = reinterpret_cast<const float*>(x.flat_row(r));
    float* py = reinterpret_cast<float*>(y.flat_row(r));
    for (int64_t i = 0; i < y.shape.last(); ++i) py[i] = px[i] * factor;
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(scale, {"scale", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
