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
          .making = &making,
          .exact = args.rows.exact};
}

const char* refuses(const OpSite& site) {
  return site.operands[kQ].shape.last() % 8 != 0 ? "head_dim is not a multiple of 8" : nullptr;
}
int64_t workspace(const OpSite& site, int n_threads) {
  return attention_workspace(site.operands[kQ].shape, site.operands[kK].shape,
                             site.as<AttentionMixerAttrs>().rope.n_rot, n_threads);
}
void run(const KernelArgs& args, Worker& worker) {
  const HeadMaking heads = making(args);
  run_attention(use(args, heads), args.workspace, worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(attention_mixer,
               {.op = "attention_mixer",
                .name = GANNET_ISA_NAME,
                .isa = GANNET_ISA_ENUM,
                .priority = 0,
                .refuses = GANNET_ISA_NS::refuses,
                .workspace = GANNET_ISA_NS::workspace,
                .run = GANNET_ISA_NS::run,
                .barriers = [](const OpSite&, int) { return GANNET_ISA_NS::kAttentionBarriers; }})
