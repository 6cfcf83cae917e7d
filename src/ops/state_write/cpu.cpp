#include "backend/api/state_view.h"
#include "backend/cpu/strided_copy.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  TensorView state = args.operands[1];
  state.data = reinterpret_cast<std::byte*>(args.operands[0].as<RecurrentView>()->write);
  if (state.data != args.operands[1].data) StridedCopy(state, args.operands[1]).run(worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(state_write,
               {"state_write", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
