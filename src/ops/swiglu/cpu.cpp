#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const int64_t n = y.shape.last();
  int64_t row, end;
  share_rows(worker, y.shape.rows(), n, row, end);
  RowWalk gate(args.operands[0], row), up(args.operands[1], row), out(y, row);
  for (; row < end; ++row, gate.next(), up.next(), out.next())
    map_row(gate.row(), up.row(), out.row(), n, [](VF g, VF u) GANNET_LAMBDA { return silu(g) * u; });
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(swiglu, {"swiglu", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
