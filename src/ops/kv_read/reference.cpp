#include "backend/api/kernel.h"
#include "backend/cpu/kv/kv_rows.h"
#include "ops/kv_read/kv_read.h"

namespace gannet {
namespace {

void read_part(const KvView& kv, int64_t offset, DType type, const TensorView& y, int64_t n_rows,
               Worker& worker) {
  const int64_t n_kv = y.shape.dim[1];
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const int64_t head = r / n_kv, position = r % n_kv;
    float* row = y.f32(head, position);
    if (position < n_rows)
      dequantize_row(type, kv_row(kv, kv.step->only(), offset, type, head, position), row, kv.head_dim);
    else
      for (int64_t i = 0; i < kv.head_dim; ++i) row[i] = 0;
  }
}

void run(const KernelArgs& args, Worker& worker) {
  const KvView& kv = *args.operands[0].as<KvView>();
  const int64_t n_rows = kv.step->only().n_past + args.as<KvReadAttrs>().n_tokens;
  read_part(kv, kv.k_offset, kv.k_type, args.results[0], n_rows, worker);
  read_part(kv, kv.v_offset, kv.v_type, args.results[1], n_rows, worker);
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(kv_read, {"kv_read", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
