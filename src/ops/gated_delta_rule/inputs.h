// What the delta-rule kernels have in common: the sizes of a use and where its inputs lie.
// Only for kernel files.
#pragma once

#include "backend/api/state_view.h"
#include "backend/cpu/delta/recurrence.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"

namespace gannet::GANNET_ISA_NS {

struct DeltaSizes {
  int64_t n_tokens, key_heads, heads, s;

  GANNET_INLINE explicit DeltaSizes(const OpSite& site)
      : n_tokens(site.operands[0].shape.dim[0]),
        key_heads(site.operands[0].shape.dim[1]),
        heads(site.operands[2].shape.dim[1]),
        s(site.operands[0].shape.dim[2]) {}
  GANNET_INLINE explicit DeltaSizes(const KernelArgs& args)
      : n_tokens(args.operands[0].shape.dim[0]),
        key_heads(args.operands[0].shape.dim[1]),
        heads(args.operands[2].shape.dim[1]),
        s(args.operands[0].shape.dim[2]) {}

  GANNET_INLINE int64_t value_head(HeadMap map, int64_t key, int64_t m) const {
    return delta_value_head(map == HeadMap::kTiled, heads, key_heads, key, m);
  }
  GANNET_INLINE int64_t key_head(HeadMap map, int64_t head) const {
    return delta_key_head(map == HeadMap::kTiled, heads, key_heads, head);
  }
};

GANNET_INLINE TokenGates token_gates(const KernelArgs& args, int64_t t, int64_t head) {
  return delta_gates(args.operands[3].f32(t)[head], args.operands[4].f32(t)[head],
                     args.operands[5].as<float>()[head], args.operands[6].as<float>()[head]);
}

GANNET_INLINE const char* delta_refuses(const OpSite& site) {
  return site.operands[0].shape.last() % 8 != 0 ? "head size is not a multiple of 8" : nullptr;
}

GANNET_INLINE int64_t round_up(int64_t n, int64_t step) {
  return (n + step - 1) / step * step;
}

}  // namespace gannet::GANNET_ISA_NS
