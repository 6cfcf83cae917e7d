#include "backend/cpu/elementwise.h"
#include "ops/scale/scale.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const VF factor = splat(args.as<ScaleAttrs>().factor);
  map_elements(args.operands[0], args.results[0], worker, [&](VF x) GANNET_LAMBDA { return x * factor; });
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(scale, {"scale", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
