#include "ops/broadcast.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  reference_binary(args, worker, HeadShare::kSame, [](float a, float b) { return a + b; });
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS({"add", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
