// matmul, the law: weights widened to F32, products summed in double. Members take rows of the weight matrix.
#include "backend/api/kernel.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

int64_t workspace(const OpSite& site, int n_threads) {
  return n_threads * site.operands[1].shape.dim[1] * static_cast<int64_t>(sizeof(float));
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &y = args.results[0];
  const int64_t n_tokens = x.shape.dim[0], n_in = x.shape.dim[1], n_out = w.shape.dim[0];
  float* row = reinterpret_cast<float*>(args.workspace) + worker.index() * n_in;
  int64_t begin, end;
  worker.share(n_out, 1, begin, end);
  for (int64_t o = begin; o < end; ++o) {
    dequantize_row(w.dtype, w.data + o * w.stride[0], row, n_in);
    for (int64_t t = 0; t < n_tokens; ++t) {
      const float* in = x.f32(t);
      double sum = 0;
      for (int64_t i = 0; i < n_in; ++i) sum += static_cast<double>(row[i]) * static_cast<double>(in[i]);
      y.f32(t)[o] = static_cast<float>(sum);
    }
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(matmul, {.op = "matmul",
                        .name = "reference",
                        .isa = Isa::kScalar,
                        .priority = 0,
                        .refuses = nullptr,
                        .workspace = workspace,
                        .run = run})
