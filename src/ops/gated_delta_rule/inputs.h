// What the delta-rule kernels have in common: the sizes of a use and the per-token transforms of its inputs.
// Only for kernel files.
#pragma once

#include "backend/api/state_view.h"
#include "backend/cpu/rows.h"
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

  // The m-th value head of a key head, and back; m < heads / key_heads.
  GANNET_INLINE int64_t value_head(HeadMap map, int64_t key_head, int64_t m) const {
    return map == HeadMap::kTiled ? m * key_heads + key_head : key_head * (heads / key_heads) + m;
  }
  GANNET_INLINE int64_t key_head(HeadMap map, int64_t head) const {
    return map == HeadMap::kTiled ? head % key_heads : head / (heads / key_heads);
  }
};

GANNET_INLINE float l2_scale(const float* x, int64_t s, float eps) {
  return 1.0f / __builtin_sqrtf(sum_of_squares(x, s) + eps);
}

struct TokenGates {
  float decay, beta;
};

// Double precision: decays close to one are multiplied over thousands of tokens.
GANNET_INLINE TokenGates token_gates(const KernelArgs& args, int64_t t, int64_t head) {
  const double alpha =
      static_cast<double>(args.operands[3].f32(t)[head]) + args.operands[6].as<float>()[head];
  const double softplus = alpha > 20 ? alpha : __builtin_log1p(__builtin_exp(alpha));
  const double beta = args.operands[4].f32(t)[head];
  return {static_cast<float>(__builtin_exp(args.operands[5].as<float>()[head] * softplus)),
          static_cast<float>(1.0 / (1.0 + __builtin_exp(-beta)))};
}

GANNET_INLINE const char* delta_refuses(const OpSite& site) {
  return site.operands[0].shape.last() % 8 != 0 ? "head size is not a multiple of 8" : nullptr;
}

GANNET_INLINE int64_t round_up(int64_t n, int64_t step) {
  return (n + step - 1) / step * step;
}

}  // namespace gannet::GANNET_ISA_NS
