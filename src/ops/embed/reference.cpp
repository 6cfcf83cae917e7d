// embed. The only kernel: it copies one row per token, so there is nothing a wide instruction set could win.
#include "backend/api/kernel.h"
#include "base/check.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &table = args.operands[0], &ids = args.operands[1], &y = args.results[0];
  const int64_t n_rows = table.shape.dim[0], n = table.shape.dim[1];
  int64_t begin, end;
  worker.share(args.rows.live_of(y.shape.dim[0]), 1, begin, end);
  for (int64_t t = begin; t < end; ++t) {
    const int64_t id = *reinterpret_cast<const int32_t*>(ids.data + t * ids.stride[0]);
    GANNET_CHECK(id >= 0 && id < n_rows, "embed: id outside the table");
    dequantize_row(table.dtype, table.data + id * table.stride[0], y.f32(t), n);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(embed, {.op = "embed",
                       .name = "reference",
                       .isa = Isa::kScalar,
                       .priority = 0,
                       .refuses = nullptr,
                       .workspace = nullptr,
                       .run = run})
