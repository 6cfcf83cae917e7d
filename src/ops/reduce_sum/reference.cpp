#include "backend/api/kernel.h"
#include "ops/reduce_sum/reduce_sum.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const int64_t reduced = args.as<ReduceSumAttrs>().axis;
  int64_t begin, end;
  worker.share(y.shape.elements(), 1, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    const std::byte* p = x.data;
    int64_t left = i;
    for (int axis = x.shape.rank - 1; axis >= 0; --axis) {
      p += left % y.shape.dim[axis] * x.stride[axis];
      left /= y.shape.dim[axis];
    }
    double sum = 0;
    for (int64_t n = 0; n < x.shape.dim[reduced]; ++n)
      sum += static_cast<double>(*reinterpret_cast<const float*>(p + n * x.stride[reduced]));
    y.as<float>()[i] = static_cast<float>(sum);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(reduce_sum, {"reduce_sum", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
