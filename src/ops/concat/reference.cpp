#include "backend/api/kernel.h"
#include "ops/concat/concat.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const int64_t axis = args.as<ConcatAttrs>().axis;
  const int last = y.shape.rank - 1;
  int64_t before = 0;
  for (int n = 0; n < args.n_operands; ++n) {
    const TensorView& x = args.operands[n];
    int64_t begin, end;
    worker.share(x.shape.elements(), 1, begin, end);
    for (int64_t i = begin; i < end; ++i) {
      const std::byte* from = x.data;
      std::byte* to = y.data + before * y.stride[axis];
      int64_t left = i;
      for (int k = last; k >= 0; --k) {
        from += left % x.shape.dim[k] * x.stride[k];
        to += left % x.shape.dim[k] * y.stride[k];
        left /= x.shape.dim[k];
      }
      *reinterpret_cast<float*>(to) = *reinterpret_cast<const float*>(from);
    }
    before += x.shape.dim[axis];
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(concat, {"concat", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
