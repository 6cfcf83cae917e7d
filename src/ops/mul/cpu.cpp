#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const int64_t n = y.shape.last();
  const bool column = args.operands[1].shape.last() == 1;
  int64_t row, end;
  share_rows(worker, y.shape.rows(), n, row, end);
  RowWalk a(args.operands[0], row), b(args.operands[1], row), out(y, row);
  for (; row < end; ++row, a.next(), b.next(), out.next()) {
    if (column) {
      const VF factor = splat(b.row()[0]);
      map_row(a.row(), out.row(), n, [&](VF x) GANNET_LAMBDA { return x * factor; });
    } else {
      map_row(a.row(), b.row(), out.row(), n, [](VF x, VF z) GANNET_LAMBDA { return x * z; });
    }
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS({"mul", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
