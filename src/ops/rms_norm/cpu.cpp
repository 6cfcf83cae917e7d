#include "backend/cpu/rows.h"
#include "ops/rms_norm/rms_norm.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const float* w = args.operands[1].as<float>();
  const float eps = args.as<RmsNormAttrs>().eps;
  const int64_t n = y.shape.last();
  int64_t row, end;
  share_rows(worker, y.shape.rows(), n, row, end);
  RowWalk x(args.operands[0], row), out(y, row);
  for (; row < end; ++row, x.next(), out.next()) {
    const float mean = sum_of_squares(x.row(), n) / static_cast<float>(n);
    const VF scale = splat(1.0f / __builtin_sqrtf(mean + eps));
    map_row(x.row(), w, out.row(), n, [&](VF v, VF weight) GANNET_LAMBDA { return v * scale * weight; });
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(rms_norm,
               {"rms_norm", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
