#include "backend/api/kernel.h"
#include "backend/api/state_view.h"
#include "ops/state_read/state_read.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const RecurrentView& state = *args.operands[0].as<RecurrentView>();
  const float* from = state.before();
  const TensorView& y = args.results[0];
  int64_t begin, end;
  worker.share(y.shape.elements(), 1, begin, end);
  for (int64_t i = begin; i < end; ++i) y.as<float>()[i] = from[i];
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(state_read, {"state_read", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
