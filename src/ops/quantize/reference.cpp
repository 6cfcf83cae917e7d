#include "backend/api/kernel.h"
#include "backend/cpu/linear/round_row.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &q = args.results[0];
  int64_t begin, end;
  worker.share(x.shape.dim[0], 1, begin, end);
  for (int64_t t = begin; t < end; ++t) round_act_row(x.f32(t), x.shape.dim[1], q.flat_row(t));
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(quantize, {"quantize", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
