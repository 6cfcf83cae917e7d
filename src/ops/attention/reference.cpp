#include "backend/api/kernel.h"
#include "backend/cpu/kv/attend_reference.h"
#include "backend/cpu/kv/kv_rows.h"
#include "ops/attention/attention.h"

namespace gannet {
namespace {

// Per member: one row of the cache as floats and one output row in double.
int64_t member_doubles(int64_t head_dim) {
  return head_dim + (head_dim + 1) / 2;
}

int64_t workspace(const OpSite& site, int n_threads) {
  return n_threads * member_doubles(site.operands[0].shape.last()) * int64_t{sizeof(double)};
}

void run(const KernelArgs& args, Worker& worker) {
  append_kv(*args.operands[3].as<KvView>(), args.operands[1], args.operands[2], worker, store_kv_row);
  worker.barrier();

  const TensorView &q = args.operands[0], &gate = args.operands[4], &y = args.results[0];
  const KvView& kv = *args.operands[3].as<KvView>();
  const double scale = args.as<AttentionAttrs>().scale;
  const int64_t n_heads = q.shape.dim[1], d = q.shape.dim[2];
  double* out = reinterpret_cast<double*>(args.workspace) + worker.index() * member_doubles(d);
  float* row = reinterpret_cast<float*>(out + d);

  int64_t begin, end;
  worker.share(kv.step->n_rows() * n_heads, 1, begin, end);
  SegmentWalk walk(*kv.step);
  for (int64_t item = begin; item < end; ++item) {
    const int64_t t = item / n_heads, h = item % n_heads, kv_head = h / (n_heads / kv.n_kv_heads);
    const StepSegment& segment = walk.of(t);
    const int64_t n_seen = segment.n_past + t - segment.first_row + 1;
    attend_reference(kv, segment, kv_head, n_seen, q.f32(t, h), scale,
                     gate.data == nullptr ? nullptr : gate.f32(t, h), out, row, y.f32(t, h), d);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(attention, {"attention", "reference", Isa::kScalar, 0, nullptr, workspace, run,
                           [](const OpSite&, int) { return 1; }})
