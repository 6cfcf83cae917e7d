#include <cstring>

#include "backend/api/kernel.h"

namespace gannet {
namespace {

// Copies only, so the obvious loop is also the fast one and there is no other kernel.
void run(const KernelArgs& args, Worker& worker) {
  const TensorView &a = args.operands[0], &b = args.operands[1], &y = args.results[0];
  const int64_t n = a.shape.last(), m = b.shape.last();
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    float* py = reinterpret_cast<float*>(y.flat_row(r));
    std::memcpy(py, a.flat_row(r), static_cast<size_t>(n) * sizeof(float));
    std::memcpy(py + n, b.flat_row(r), static_cast<size_t>(m) * sizeof(float));
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS({"concat", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
