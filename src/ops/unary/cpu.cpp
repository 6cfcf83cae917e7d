#include "backend/cpu/rows.h"
#include "ops/unary/unary.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const int64_t n = y.shape.last();
  const UnaryFunction function = args.as<UnaryAttrs>().function;
  int64_t row, end;
  share_rows(worker, y.shape.rows(), n, row, end);
  RowWalk x(args.operands[0], row), out(y, row);
  for (; row < end; ++row, x.next(), out.next()) {
    if (function == UnaryFunction::kSilu)
      map_row(x.row(), out.row(), n, [](VF v) GANNET_LAMBDA { return silu(v); });
    else
      map_row(x.row(), out.row(), n, [](VF v) GANNET_LAMBDA { return sigmoid(v); });
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS({"unary", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
