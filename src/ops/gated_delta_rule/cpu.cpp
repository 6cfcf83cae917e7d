// The recurrence token by token (backend/cpu/delta/recurrence.h). Memory-bound for one token; a row stays in
// the first-level cache while the tokens of a run pass over it.
#include "ops/gated_delta_rule/inputs.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kRowsOfItem = 32;

// Behind what is prepared: kDeltaRows state rows per member.
int64_t workspace(const OpSite& site, int n_threads) {
  const DeltaSizes n(site);
  return (DeltaPrepared(n, nullptr).floats + n_threads * kDeltaRows * n.s) * int64_t{sizeof(float)};
}

int barriers(const OpSite&, int n_threads) {
  return n_threads > 1 ? 1 : 0;
}

void run(const KernelArgs& args, Worker& worker) {
  const DeltaSizes n(args);
  const DeltaPrepared in(n, args.workspace);
  const RecurrentView& state = *args.operands[kState].as<RecurrentView>();
  const StepView& step = *state.step;
  int64_t begin, end;
  worker.share(step.n_rows() * n.key_heads, 1, begin, end);
  for (int64_t i = begin; i < end; ++i) in.prepare_row(args, n, i / n.key_heads, i % n.key_heads);
  worker.barrier();

  const HeadMap map = args.as<GatedDeltaRuleAttrs>().heads;
  const float out_scale = 1.0f / __builtin_sqrtf(static_cast<float>(n.s));
  float* tile = reinterpret_cast<float*>(args.workspace) + in.floats + worker.index() * kDeltaRows * n.s;
  const int64_t blocks = (n.s + kRowsOfItem - 1) / kRowsOfItem;
  while (worker.claim(step.n_segments * n.heads * blocks, 1, begin, end)) {
    const int64_t h = begin / blocks % n.heads, kh = n.key_head(map, h), first = begin % blocks * kRowsOfItem;
    const int64_t last = first + kRowsOfItem < n.s ? first + kRowsOfItem : n.s;
    const StepSegment& segment = step.segments[begin / blocks / n.heads];
    const DeltaHead head(state, segment, n.s, n.heads, n.key_heads, h, kh);
    const DeltaTokens tokens = in.tokens(args, n, segment, h, kh);
    for (int64_t row = first; row < last; row += kDeltaRows)
      delta_rows(head, tokens, row, 0, head.base + row * n.s, true, tile, out_scale);
    if (first == 0) leave_shared(head, tokens, n, map, h, kh);
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(gated_delta_rule,
               {"gated_delta_rule", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, GANNET_ISA_NS::delta_refuses,
                GANNET_ISA_NS::workspace, GANNET_ISA_NS::run, GANNET_ISA_NS::barriers})
