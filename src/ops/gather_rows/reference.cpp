// gather_rows. The only kernel: rows are copied as they are.
#include "backend/api/kernel.h"
#include "base/check.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &rows = args.operands[1], &y = args.results[0];
  const int64_t n_rows = x.shape.dim[0];
  const auto bytes = static_cast<size_t>(4 * x.shape.dim[1]);
  int64_t begin, end;
  worker.share(args.rows.live_of(y.shape.dim[0]), 1, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = *reinterpret_cast<const int32_t*>(rows.data + i * rows.stride[0]);
    GANNET_CHECK(row >= 0 && row < n_rows, "gather_rows: no such row");
    __builtin_memcpy(y.data + i * y.stride[0], x.data + row * x.stride[0], bytes);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(gather_rows, {.op = "gather_rows",
                             .name = "reference",
                             .isa = Isa::kScalar,
                             .priority = 0,
                             .refuses = nullptr,
                             .workspace = nullptr,
                             .run = run})
