// gather_columns: a copy of single values, which no instruction set does better than plain loads; large uses
// are split over the team.
#include "backend/cpu/rows.h"
#include "base/check.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &ids = args.operands[1], &y = args.results[0];
  const int64_t k = y.shape.dim[1];
  int64_t t, end;
  share_rows(worker, args.rows.live_of(y.shape.dim[0]), k, t, end);
  for (; t < end; ++t) {
    const auto* columns = reinterpret_cast<const int32_t*>(ids.data + t * ids.stride[0]);
    const float* values = x.f32(t);
    float* out = y.f32(t);
    for (int64_t j = 0; j < k; ++j) {
      GANNET_CHECK(columns[j] >= 0 && columns[j] < x.shape.dim[1], "gather_columns: no such column");
      out[j] = values[columns[j]];
    }
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(gather_columns,
               {"gather_columns", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
