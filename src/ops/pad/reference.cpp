#include "backend/api/kernel.h"
#include "ops/pad/pad.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const int64_t padded = args.as<PadAttrs>().axis;
  int64_t begin, end;
  worker.share(y.shape.elements(), 1, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    const std::byte* p = x.data;
    int64_t left = i;
    bool inside = true;
    for (int axis = x.shape.rank - 1; axis >= 0; --axis) {
      const int64_t index = left % y.shape.dim[axis];
      left /= y.shape.dim[axis];
      inside = inside && (axis != padded || index < x.shape.dim[axis]);
      p += index * x.stride[axis];
    }
    y.as<float>()[i] = inside ? *reinterpret_cast<const float*>(p) : 0.0f;
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(pad, {"pad", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
