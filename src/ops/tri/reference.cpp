#include "backend/api/kernel.h"
#include "ops/tri/tri.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const int64_t kept = args.as<TriAttrs>().keep == TriKeep::kLower ? 1 : 0;
  const int64_t n = y.shape.dim[y.shape.rank - 2];
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const float* px = reinterpret_cast<const float*>(x.flat_row(r));
    float* py = reinterpret_cast<float*>(y.flat_row(r));
    for (int64_t i = 0; i < y.shape.last(); ++i) py[i] = i < r % n + kept ? px[i] : 0.0f;
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(tri, {"tri", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
