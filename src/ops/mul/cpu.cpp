#include "backend/cpu/elementwise.h"
#include "ops/mul/mul.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const SharedHeads heads =
      args.as<MulAttrs>().heads == HeadShare::kTiled ? SharedHeads::kTiled : SharedHeads::kGrouped;
  map_elements(args.operands[0], args.operands[1], args.results[0], heads, worker,
               [](VF x, VF z) GANNET_LAMBDA { return x * z; });
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS({"mul", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
