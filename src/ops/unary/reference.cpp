#include <cmath>

#include "backend/api/kernel.h"
#include "ops/unary/unary.h"

namespace gannet {
namespace {

double apply(UnaryFunction function, double x) {
  switch (function) {
    case UnaryFunction::kSilu:
      return x / (1.0 + std::exp(-x));
    case UnaryFunction::kSigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case UnaryFunction::kExp:
      return std::exp(x);
    case UnaryFunction::kSoftplus:
      return x > 20 ? x : std::log1p(std::exp(x));
  }
  return x;
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const UnaryFunction function = args.as<UnaryAttrs>().function;
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const float* px = reinterpret_cast<const float*>(x.flat_row(r));
    float* py = reinterpret_cast<float*>(y.flat_row(r));
    for (int64_t i = 0; i < y.shape.last(); ++i) {
      const double v = px[i];
      py[i] = static_cast<float>(apply(function, v));
    }
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(unary, {"unary", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
