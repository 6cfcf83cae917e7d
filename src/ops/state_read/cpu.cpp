#include "backend/api/state_view.h"
#include "backend/cpu/strided_copy.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const RecurrentView& state = *args.operands[0].as<RecurrentView>();
  TensorView base = args.results[0];
  // Only read; views have no constness.
  base.data = reinterpret_cast<std::byte*>(const_cast<float*>(state.before()));
  StridedCopy(args.results[0], base).run(worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(state_read,
               {"state_read", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
