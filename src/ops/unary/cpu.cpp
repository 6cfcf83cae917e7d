#include "backend/cpu/elementwise.h"
#include "ops/unary/unary.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  switch (args.as<UnaryAttrs>().function) {
    case UnaryFunction::kSilu:
      return map_elements(x, y, worker, [](VF v) GANNET_LAMBDA { return silu(v); });
    case UnaryFunction::kSigmoid:
      return map_elements(x, y, worker, [](VF v) GANNET_LAMBDA { return sigmoid(v); });
    case UnaryFunction::kExp:
      return map_elements(x, y, worker, [](VF v) GANNET_LAMBDA { return exp(v); });
    case UnaryFunction::kSoftplus:
      return map_elements(x, y, worker, [](VF v) GANNET_LAMBDA { return softplus(v); });
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(unary, {"unary", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
