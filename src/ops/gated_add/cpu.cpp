#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &a = args.operands[0], &b = args.operands[1], &s = args.operands[2], &y = args.results[0];
  const int64_t n = y.shape.last();
  int64_t begin, end;
  share_rows(worker, y.shape.dim[0], n, begin, end);
  for (int64_t t = begin; t < end; ++t) {
    const VF gate = sigmoid(splat(s.f32(t)[0]));
    map_row(a.f32(t), b.f32(t), y.f32(t), n, [&](VF x, VF z) GANNET_LAMBDA { return fma(gate, z, x); });
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(gated_add,
               {"gated_add", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
