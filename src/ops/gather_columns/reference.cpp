#include "backend/api/kernel.h"
#include "base/check.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &ids = args.operands[1], &y = args.results[0];
  int64_t begin, end;
  worker.share(args.rows.live_of(y.shape.dim[0]), 1, begin, end);
  for (int64_t t = begin; t < end; ++t) {
    const auto* columns = reinterpret_cast<const int32_t*>(ids.data + t * ids.stride[0]);
    for (int64_t j = 0; j < y.shape.dim[1]; ++j) {
      GANNET_CHECK(columns[j] >= 0 && columns[j] < x.shape.dim[1], "gather_columns: no such column");
      y.f32(t)[j] = x.f32(t)[columns[j]];
    }
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(gather_columns, {"gather_columns", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
