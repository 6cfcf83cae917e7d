#include "backend/cpu/strided_copy.h"
#include "ops/pad/pad.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const auto& a = args.as<PadAttrs>();
  TensorView front = y, back = y;
  front.shape = x.shape;
  StridedCopy(front, x).run(worker);
  if (a.after == 0) return;
  back.data += x.shape.dim[a.axis] * y.stride[a.axis];
  back.shape.dim[a.axis] = a.after;
  float zero = 0;
  TensorView zeros = back;
  zeros.data = reinterpret_cast<std::byte*>(&zero);
  for (int64_t& stride : zeros.stride) stride = 0;
  StridedCopy(back, zeros).run(worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(pad, {"pad", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
