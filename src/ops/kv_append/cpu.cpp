#include "backend/cpu/kv/kv_vectors.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  append_kv(*args.operands[0].as<KvView>(), args.operands[1], args.operands[2], worker, store_kv_vectors);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(kv_append,
               {"kv_append", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
