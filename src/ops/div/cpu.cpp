#include "backend/cpu/elementwise.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  map_elements(args.operands[0], args.operands[1], args.results[0], SharedHeads::kNone, worker,
               [](VF x, VF z) GANNET_LAMBDA { return x / z; });
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS({"div", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
