// linear, the law: the activations as they are (never the rounded ones), weights widened to F32, sums in
// double.
#include "backend/api/kernel.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

int64_t workspace(const OpSite& site, int n_threads) {
  return n_threads * site.operands[0].shape.dim[1] * static_cast<int64_t>(sizeof(float));
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &residual = args.operands[2], &y = args.results[0];
  const int64_t n_tokens = x.shape.dim[0], n_in = x.shape.dim[1];
  float* row = reinterpret_cast<float*>(args.workspace) + worker.index() * n_in;
  int64_t first = 0;
  for (int i = 3; i < args.n_operands; ++i) {
    const TensorView& w = args.operands[i];
    int64_t begin, end;
    worker.share(w.shape.dim[0], 1, begin, end);
    for (int64_t o = begin; o < end; ++o) {
      dequantize_row(w.dtype, w.data + o * w.stride[0], row, n_in);
      for (int64_t t = 0; t < n_tokens; ++t) {
        const float* in = x.f32(t);
        double sum = 0;
        for (int64_t j = 0; j < n_in; ++j) sum += static_cast<double>(row[j]) * static_cast<double>(in[j]);
        if (residual.data != nullptr) sum += residual.f32(t)[first + o];
        y.f32(t)[first + o] = static_cast<float>(sum);
      }
    }
    first += w.shape.dim[0];
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(linear, {.op = "linear",
                        .name = "reference",
                        .isa = Isa::kScalar,
                        .priority = 0,
                        .refuses = nullptr,
                        .workspace = workspace,
                        .run = run})
