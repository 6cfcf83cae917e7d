// attention on the CPU. The work is in backend/cpu/attention.
#include "backend/api/kernel.h"
#include "backend/cpu/attention/attention.h"
#include "ops/attention/attention.h"

namespace gannet::GANNET_ISA_NS {
namespace {

AttentionUse use(const KernelArgs& args) {
  const TensorView* o = args.operands;
  return {.q = &o[0],
          .k = &o[1],
          .v = &o[2],
          .y = &args.results[0],
          .gate = o[4].data == nullptr ? nullptr : &o[4],
          .kv = o[3].as<KvView>(),
          .scale = args.as<AttentionAttrs>().scale,
          .making = nullptr,
          .exact = args.rows.exact};
}

const char* refuses(const OpSite& site) {
  return site.operands[0].shape.last() % 8 != 0 ? "head_dim is not a multiple of 8" : nullptr;
}
int64_t workspace(const OpSite& site, int n_threads) {
  return attention_workspace(site.operands[0].shape, site.operands[1].shape, 0, n_threads);
}
void run(const KernelArgs& args, Worker& worker) {
  run_attention(use(args), args.workspace, worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(attention, {.op = "attention",
                           .name = GANNET_ISA_NAME,
                           .isa = GANNET_ISA_ENUM,
                           .priority = 0,
                           .refuses = GANNET_ISA_NS::refuses,
                           .workspace = GANNET_ISA_NS::workspace,
                           .run = GANNET_ISA_NS::run,
                           .barriers = [](const OpSite&, int) { return GANNET_ISA_NS::kAttentionBarriers; }})
