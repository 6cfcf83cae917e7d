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

// Per row: q and k of every key head, normalised, their product, and the gates of every value head.
struct DeltaPrepared {
  float* qk;          // [row, key head, 2, S]
  float* kq;          // [row, key head]
  TokenGates* gates;  // [row, value head]
  int64_t floats;

  GANNET_INLINE DeltaPrepared(const DeltaSizes& n, std::byte* memory) {
    qk = reinterpret_cast<float*>(memory);
    kq = qk + n.n_tokens * n.key_heads * 2 * n.s;
    gates = reinterpret_cast<TokenGates*>(kq + n.n_tokens * n.key_heads);
    floats = n.n_tokens * (n.key_heads * (2 * n.s + 1) + 2 * n.heads);
  }

  // What belongs to a key head and its value heads in one row.
  GANNET_INLINE void prepare_gates(const KernelArgs& args, const DeltaSizes& n, int64_t row,
                                   int64_t kh) const {
    const HeadMap map = args.as<GatedDeltaRuleAttrs>().heads;
    for (int64_t m = 0; m < n.heads / n.key_heads; ++m) {
      const int64_t h = n.value_head(map, kh, m);
      gates[row * n.heads + h] = token_gates(args, row, h);
    }
  }
  GANNET_INLINE void prepare_row(const KernelArgs& args, const DeltaSizes& n, int64_t row, int64_t kh) const {
    const float eps = args.as<GatedDeltaRuleAttrs>().eps;
    float* to = qk + (row * n.key_heads + kh) * 2 * n.s;
    kq[row * n.key_heads + kh] =
        normalise_qk(args.operands[kQ].f32(row, kh), args.operands[kK].f32(row, kh), n.s, eps, to, to + n.s);
    prepare_gates(args, n, row, kh);
  }

  // As value head h sees the rows of a segment.
  GANNET_INLINE DeltaTokens tokens(const KernelArgs& args, const DeltaSizes& n, const StepSegment& segment,
                                   int64_t h, int64_t kh) const {
    const TensorView &v = args.operands[kV], &o = args.results[0];
    const int64_t row = segment.first_row, keys = row * n.key_heads + kh, floats_of = sizeof(float);
    const float* q = qk + keys * 2 * n.s;
    return {.q = q,
            .k = q + n.s,
            .kq = kq + keys,
            .gates = gates + row * n.heads + h,
            .v = v.f32(row, h),
            .o = o.f32(row, h),
            .qk_step = n.key_heads * 2 * n.s,
            .kq_step = n.key_heads,
            .gates_step = n.heads,
            .v_step = v.stride[0] / floats_of,
            .o_step = o.stride[0] / floats_of};
  }
};

// What the item with the first state row of a value head leaves in the ring for all of them.
GANNET_INLINE void leave_shared(const DeltaHead& head, const DeltaTokens& in, const DeltaSizes& n,
                                HeadMap map, int64_t h, int64_t kh) {
  head.leave_decays(in);
  if (n.value_head(map, kh, 0) == h) head.leave_keys(in);
}

}  // namespace gannet::GANNET_ISA_NS
