// attention_mixer on the CPU: attention whose first phase norms and rotates the heads on their way into the
// workspace and the cache. The work is in backend/cpu/attention.
#include "backend/api/kernel.h"
#include "backend/cpu/attention/attention.h"
#include "ops/attention_mixer/attention_mixer.h"
#include "ops/attention_mixer/operands.h"

namespace gannet::GANNET_ISA_NS {
namespace {

HeadMaking making(const KernelArgs& args) {
  const auto& a = args.as<AttentionMixerAttrs>();
  return {.q_norm = args.operands[kQNorm].as<float>(),
          .k_norm = args.operands[kKNorm].as<float>(),
          .eps = a.eps,
          .positions = args.operands[kPositions].as<int32_t>(),
          .rotation = {a.rope.n_rot, a.rope.base, a.rope.freq_scale, a.rope.yarn_ext, a.rope.magnitude,
                       a.rope.ramp_low, a.rope.ramp_high}};
}

AttentionUse use(const KernelArgs& args, const HeadMaking& making) {
  const TensorView* o = args.operands;
  return {.q = &o[kQ],
          .k = &o[kK],
          .v = &o[kV],
          .y = &args.results[0],
          .gate = o[kGate].data == nullptr ? nullptr : &o[kGate],
          .kv = o[kKv].as<KvView>(),
          .scale = args.as<AttentionMixerAttrs>().scale,
          .making = &making};
}

const char* tiled_refuses(const OpSite& site) {
  return site.operands[kQ].shape.last() % 8 != 0 ? "head_dim is not a multiple of 8" : nullptr;
}
int64_t tiled_workspace(const OpSite& site, int n_threads) {
  return attention_tiled_workspace(site.operands[kQ].shape, site.operands[kK].shape,
                                   site.as<AttentionMixerAttrs>().rope.n_rot, n_threads);
}
void run_tiled(const KernelArgs& args, Worker& worker) {
  const HeadMaking heads = making(args);
  attention_tiled(use(args, heads), args.workspace, worker);
}

const char* decode_refuses(const OpSite& site) {
  return site.operands[kQ].shape.dim[0] > kDecodeTokens ? "more than 8 tokens" : tiled_refuses(site);
}
int64_t decode_workspace(const OpSite& site, int n_threads) {
  return attention_decode_workspace(site.operands[kQ].shape, site.operands[kK].shape,
                                    site.as<AttentionMixerAttrs>().rope.n_rot, n_threads);
}
void run_decode(const KernelArgs& args, Worker& worker) {
  const HeadMaking heads = making(args);
  attention_decode(use(args, heads), args.workspace, worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(attention_mixer,
               {"attention_mixer", GANNET_ISA_NAME ".decode", GANNET_ISA_ENUM, 1,
                GANNET_ISA_NS::decode_refuses, GANNET_ISA_NS::decode_workspace, GANNET_ISA_NS::run_decode,
                [](const OpSite&, int) { return GANNET_ISA_NS::kDecodeBarriers; }},
               {"attention_mixer", GANNET_ISA_NAME ".tiled", GANNET_ISA_ENUM, 0, GANNET_ISA_NS::tiled_refuses,
                GANNET_ISA_NS::tiled_workspace, GANNET_ISA_NS::run_tiled,
                [](const OpSite&, int) { return GANNET_ISA_NS::kTiledBarriers; }})
