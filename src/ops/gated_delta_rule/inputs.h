// What the delta-rule kernels have in common: the sizes of a use and where its inputs lie.
// Only for kernel files.
#pragma once

#include "backend/api/state_view.h"
#include "backend/cpu/delta/recurrence.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"
#include "ops/gated_delta_rule/operands.h"

namespace gannet::GANNET_ISA_NS {

struct DeltaSizes {
  int64_t n_tokens, key_heads, heads, s;

  GANNET_INLINE explicit DeltaSizes(const OpSite& site)
      : n_tokens(site.operands[kQ].shape.dim[0]),
        key_heads(site.operands[kQ].shape.dim[1]),
        heads(site.operands[kV].shape.dim[1]),
        s(site.operands[kQ].shape.dim[2]) {}
  GANNET_INLINE explicit DeltaSizes(const KernelArgs& args)
      : n_tokens(args.operands[kQ].shape.dim[0]),
        key_heads(args.operands[kQ].shape.dim[1]),
        heads(args.operands[kV].shape.dim[1]),
        s(args.operands[kQ].shape.dim[2]) {}

  GANNET_INLINE int64_t value_head(HeadMap map, int64_t key, int64_t m) const {
    return delta_value_head(map == HeadMap::kTiled, heads, key_heads, key, m);
  }
  GANNET_INLINE int64_t key_head(HeadMap map, int64_t head) const {
    return delta_key_head(map == HeadMap::kTiled, heads, key_heads, head);
  }
};

GANNET_INLINE TokenGates token_gates(const KernelArgs& args, int64_t t, int64_t head) {
  return delta_gates(args.operands[kAlpha].f32(t)[head], args.operands[kBeta].f32(t)[head],
                     args.operands[kA].as<float>()[head], args.operands[kDt].as<float>()[head]);
}

GANNET_INLINE const char* delta_refuses(const OpSite& site) {
  return site.operands[kQ].shape.last() % 8 != 0 ? "head size is not a multiple of 8" : nullptr;
}

GANNET_INLINE int64_t round_up(int64_t n, int64_t step) {
  return (n + step - 1) / step * step;
}

}  // namespace gannet::GANNET_ISA_NS
