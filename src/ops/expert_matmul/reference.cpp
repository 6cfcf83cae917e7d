// expert_matmul, the law: weights widened to F32, products summed in double. Members take weight rows.
#include "backend/api/kernel.h"
#include "base/check.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

int64_t workspace(const OpSite& site, int n_threads) {
  return n_threads * site.operands[1].shape.dim[2] * static_cast<int64_t>(sizeof(float));
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &ids = args.operands[2];
  const TensorView& y = args.results[0];
  const int64_t n_in = w.shape.dim[2];
  float* row = reinterpret_cast<float*>(args.workspace) + worker.index() * n_in;
  int64_t begin, end;
  worker.share(w.shape.dim[1], 1, begin, end);
  for (int64_t t = 0; t < args.rows.live_of(y.shape.dim[0]); ++t)
    for (int64_t j = 0; j < y.shape.dim[1]; ++j) {
      const int64_t e = reinterpret_cast<const int32_t*>(ids.data + t * ids.stride[0])[j];
      GANNET_CHECK(e >= 0 && e < w.shape.dim[0], "expert_matmul: no such expert");
      const float* in = x.shape.rank == 2 ? x.f32(t) : x.f32(t, j);
      for (int64_t o = begin; o < end; ++o) {
        dequantize_row(w.dtype, w.data + e * w.stride[0] + o * w.stride[1], row, n_in);
        double sum = 0;
        for (int64_t i = 0; i < n_in; ++i) sum += static_cast<double>(row[i]) * static_cast<double>(in[i]);
        y.f32(t, j)[o] = static_cast<float>(sum);
      }
    }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(expert_matmul, {"expert_matmul", "reference", Isa::kScalar, 0, nullptr, workspace, run})
