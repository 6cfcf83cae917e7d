#include "backend/api/kernel.h"
#include "backend/api/state_view.h"
#include "ops/state_write/state_write.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const RecurrentView& state = *args.operands[0].as<RecurrentView>();
  float* to = state.after();
  const TensorView& x = args.operands[1];
  int64_t begin, end;
  worker.share(x.shape.elements(), 1, begin, end);
  for (int64_t i = begin; i < end; ++i) to[i] = x.as<float>()[i];
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(state_write, {"state_write", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
