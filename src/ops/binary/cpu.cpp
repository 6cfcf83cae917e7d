#include "backend/cpu/elementwise.h"
#include "ops/binary/binary.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run_add(const KernelArgs& args, Worker& worker) {
  map_elements(args.operands[0], args.operands[1], args.results[0], SharedHeads::kNone, worker,
               [](VF x, VF z) GANNET_LAMBDA { return x + z; });
}

void run_sub(const KernelArgs& args, Worker& worker) {
  map_elements(args.operands[0], args.operands[1], args.results[0], SharedHeads::kNone, worker,
               [](VF x, VF z) GANNET_LAMBDA { return x - z; });
}

void run_mul(const KernelArgs& args, Worker& worker) {
  const SharedHeads heads =
      args.as<MulAttrs>().heads == HeadShare::kTiled ? SharedHeads::kTiled : SharedHeads::kGrouped;
  map_elements(args.operands[0], args.operands[1], args.results[0], heads, worker,
               [](VF x, VF z) GANNET_LAMBDA { return x * z; });
}

void run_div(const KernelArgs& args, Worker& worker) {
  map_elements(args.operands[0], args.operands[1], args.results[0], SharedHeads::kNone, worker,
               [](VF x, VF z) GANNET_LAMBDA { return x / z; });
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(binary, {"add", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run_add},
               {"sub", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run_sub},
               {"mul", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run_mul},
               {"div", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run_div})
