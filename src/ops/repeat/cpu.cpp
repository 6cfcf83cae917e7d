#include "backend/cpu/strided_copy.h"
#include "ops/repeat/repeat.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const auto& a = args.as<RepeatAttrs>();
  StridedCopy copy(y.data, x.data);
  for (int i = 0; i < x.shape.rank; ++i) {
    const int64_t n = x.shape.dim[i], to = y.stride[i], from = x.stride[i];
    if (i == a.axis && a.kind == RepeatKind::kTile) copy.axis(a.times, n * to, 0);
    copy.axis(n, i == a.axis && a.kind == RepeatKind::kInterleave ? a.times * to : to, from);
    if (i == a.axis && a.kind == RepeatKind::kInterleave) copy.axis(a.times, to, 0);
  }
  copy.finish();
  copy.run(worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(repeat, {"repeat", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
