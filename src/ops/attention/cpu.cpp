// attention on the CPU: one kernel for few tokens over a long context, one for many tokens. The work is in
// backend/cpu/attention.
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
          .making = nullptr};
}

const char* tiled_refuses(const OpSite& site) {
  return site.operands[0].shape.last() % 8 != 0 ? "head_dim is not a multiple of 8" : nullptr;
}
int64_t tiled_workspace(const OpSite& site, int n_threads) {
  return attention_tiled_workspace(site.operands[0].shape, site.operands[1].shape, 0, n_threads);
}
void run_tiled(const KernelArgs& args, Worker& worker) {
  attention_tiled(use(args), args.workspace, worker);
}

const char* decode_refuses(const OpSite& site) {
  return site.operands[0].shape.dim[0] > kDecodeTokens ? "more than 8 tokens" : tiled_refuses(site);
}
int64_t decode_workspace(const OpSite& site, int n_threads) {
  return attention_decode_workspace(site.operands[0].shape, site.operands[1].shape, 0, n_threads);
}
void run_decode(const KernelArgs& args, Worker& worker) {
  attention_decode(use(args), args.workspace, worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(attention,
               {"attention", GANNET_ISA_NAME ".decode", GANNET_ISA_ENUM, 1, GANNET_ISA_NS::decode_refuses,
                GANNET_ISA_NS::decode_workspace, GANNET_ISA_NS::run_decode,
                [](const OpSite&, int) { return GANNET_ISA_NS::kDecodeBarriers; }},
               {"attention", GANNET_ISA_NAME ".tiled", GANNET_ISA_ENUM, 0, GANNET_ISA_NS::tiled_refuses,
                GANNET_ISA_NS::tiled_workspace, GANNET_ISA_NS::run_tiled,
                [](const OpSite&, int) { return GANNET_ISA_NS::kTiledBarriers; }})
