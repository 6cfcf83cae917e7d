#include "backend/api/kernel.h"
#include "ops/conv1d/conv1d.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &y = args.results[0];
  const bool last = args.as<Conv1dAttrs>().time == Conv1dTime::kLast;
  const int64_t taps = w.shape.dim[1];
  int64_t begin, end;
  worker.share(y.shape.dim[0], 1, begin, end);
  for (int64_t r = begin; r < end; ++r)
    for (int64_t j = 0; j < y.shape.dim[1]; ++j) {
      double sum = 0;
      for (int64_t i = 0; i < taps; ++i)
        sum += static_cast<double>(w.f32(last ? r : j)[i]) * (last ? x.f32(r)[j + i] : x.f32(r + i)[j]);
      y.f32(r)[j] = static_cast<float>(sum);
    }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(conv1d, {"conv1d", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
