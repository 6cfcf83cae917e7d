#include "backend/api/state_view.h"
#include "backend/cpu/strided_copy.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const RecurrentView& state = *args.operands[0].as<RecurrentView>();
  TensorView base = args.operands[1];
  base.data = reinterpret_cast<std::byte*>(state.after());
  if (base.data != args.operands[1].data) StridedCopy(base, args.operands[1]).run(worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(state_write,
               {"state_write", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
