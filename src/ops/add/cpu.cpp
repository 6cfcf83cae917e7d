#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const int64_t n = y.shape.last();
  int64_t row, end;
  share_rows(worker, y.shape.rows(), n, row, end);
  RowWalk a(args.operands[0], row), b(args.operands[1], row), out(y, row);
  for (; row < end; ++row, a.next(), b.next(), out.next())
    map_row(a.row(), b.row(), out.row(), n, [](VF x, VF z) GANNET_LAMBDA { return x + z; });
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS({"add", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
