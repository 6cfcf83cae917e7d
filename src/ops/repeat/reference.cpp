#include "backend/api/kernel.h"
#include "ops/repeat/repeat.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const auto& a = args.as<RepeatAttrs>();
  const int last = x.shape.rank - 1;
  int64_t begin, end;
  worker.share(y.shape.elements(), 1, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    const std::byte* p = x.data;
    int64_t left = i;
    for (int axis = last; axis >= 0; --axis) {
      int64_t index = left % y.shape.dim[axis];
      left /= y.shape.dim[axis];
      if (axis == a.axis) index = a.kind == RepeatKind::kTile ? index % x.shape.dim[axis] : index / a.times;
      p += index * x.stride[axis];
    }
    y.as<float>()[i] = *reinterpret_cast<const float*>(p);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(repeat, {"repeat", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
