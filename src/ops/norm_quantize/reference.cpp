#include <cmath>

#include "backend/api/kernel.h"
#include "backend/cpu/linear/round_row.h"
#include "ops/norm_quantize/norm_quantize.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0], &q = args.results[1];
  const float* w = args.operands[1].as<float>();
  const int64_t n = x.shape.dim[1];
  const double eps = args.as<NormQuantizeAttrs>().eps;
  int64_t begin, end;
  worker.share(x.shape.dim[0], 1, begin, end);
  for (int64_t t = begin; t < end; ++t) {
    const float* px = x.f32(t);
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(px[i]) * px[i];
    const double scale = 1.0 / std::sqrt(sum / static_cast<double>(n) + eps);
    for (int64_t i = 0; i < n; ++i) y.f32(t)[i] = static_cast<float>(px[i] * scale * w[i]);
    round_act_row(y.f32(t), n, q.flat_row(t));
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(norm_quantize, {"norm_quantize", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
