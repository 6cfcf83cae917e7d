#include "backend/api/kernel.h"
#include "backend/cpu/kv/kv_rows.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  append_kv(*args.operands[0].as<KvView>(), args.operands[1], args.operands[2], worker, store_kv_row);
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(kv_append, {"kv_append", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
