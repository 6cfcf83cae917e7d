#include "ops/mul/mul.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  reference_binary(args, worker, args.as<MulAttrs>().heads, [](float a, float b) { return a * b; });
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS({"mul", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
