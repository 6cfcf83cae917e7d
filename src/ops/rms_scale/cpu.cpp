#include "backend/cpu/rows.h"
#include "ops/rms_scale/rms_scale.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const float eps = args.as<RmsScaleAttrs>().eps;
  const int64_t n = y.shape.last();
  int64_t row, end;
  share_rows(worker, y.shape.rows(), n, row, end);
  RowWalk x(args.operands[0], row), out(y, row);
  for (; row < end; ++row, x.next(), out.next()) {
    const VF scale = splat(1.0f / __builtin_sqrtf(sum_of_squares(x.row(), n) / static_cast<float>(n) + eps));
    map_row(x.row(), out.row(), n, [&](VF v) GANNET_LAMBDA { return v * scale; });
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(rms_scale,
               {"rms_scale", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
