#include "backend/cpu/delta/gated_norm.h"
#include "ops/gated_rms_norm/gated_rms_norm.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const float* w = args.operands[1].as<float>();
  const float eps = args.as<GatedRmsNormAttrs>().eps;
  const int64_t n = y.shape.last();
  int64_t row, end;
  share_rows(worker, y.shape.rows(), n, row, end);
  RowWalk x(args.operands[0], row), z(args.operands[2], row), out(y, row);
  for (; row < end; ++row, x.next(), z.next(), out.next())
    gated_norm_row(x.row(), w, z.row(), out.row(), n, eps);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(gated_rms_norm,
               {"gated_rms_norm", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
