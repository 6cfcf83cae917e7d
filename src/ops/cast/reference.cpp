#include "backend/api/kernel.h"
#include "ops/cast/cast.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  int64_t begin, end;
  worker.share(y.shape.elements(), 1, begin, end);
  for (int64_t i = begin; i < end; ++i)
    y.as<float>()[i] = x.dtype == DType::kF32   ? x.as<float>()[i]
                       : x.dtype == DType::kF16 ? f16_to_f32(x.as<uint16_t>()[i])
                                                : bf16_to_f32(x.as<uint16_t>()[i]);
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(cast, {"cast", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
