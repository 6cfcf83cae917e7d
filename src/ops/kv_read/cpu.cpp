#include "backend/cpu/kv/kv_vectors.h"
#include "ops/kv_read/kv_read.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// Rows [begin, end) of the result, counted through its heads, in runs that lie in one page or behind the last
// stored row.
void read_part(const KvView& kv, int64_t offset, DType type, const TensorView& y, int64_t n_rows,
               int64_t begin, int64_t end) {
  const int64_t n_kv = y.shape.dim[1], d = kv.head_dim, step = kv_row_bytes(type, d);
  while (begin < end) {
    const int64_t head = begin / n_kv, position = begin % n_kv;
    const bool stored = position < n_rows;
    const int64_t page_end = position - position % kv.page_tokens + kv.page_tokens;
    int64_t stop = !stored ? n_kv : page_end < n_rows ? page_end : n_rows;
    stop = stop - position < end - begin ? stop : position + end - begin;
    float* out = y.f32(head, position);
    if (stored)
      with_kv_type(type, [&](auto tag) GANNET_LAMBDA {
        widen_rows<decltype(tag)::kValue>(kv_row(kv, kv.step->only(), offset, type, head, position), step,
                                          stop - position, d, out, d);
      });
    else
      fill_row(out, (stop - position) * d, 0);
    begin += stop - position;
  }
}

void run(const KernelArgs& args, Worker& worker) {
  const KvView& kv = *args.operands[0].as<KvView>();
  const TensorView& k = args.results[0];
  const int64_t stored = kv.step->only().n_past + args.as<KvReadAttrs>().n_tokens;
  const int64_t n_rows = stored < k.shape.dim[1] ? stored : k.shape.dim[1];
  int64_t begin, end;
  share_rows(worker, k.shape.rows(), 2 * kv.head_dim, begin, end);
  read_part(kv, kv.k_offset, kv.k_type, k, n_rows, begin, end);
  read_part(kv, kv.v_offset, kv.v_type, args.results[1], n_rows, begin, end);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(kv_read,
               {"kv_read", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
