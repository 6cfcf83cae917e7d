// delta_mixer: everything between the input and output projections of a Gated DeltaNet layer: the causal
// convolution of q, k and v, the gated delta rule, and the gated norm of its result. Same meaning as
//   mixed = causal_conv(qkv, taps, conv);  q, k, v = mixed split and seen as heads
//   gated_rms_norm(gated_delta_rule(q, k, v, alpha, beta, a, dt, delta), norm, z)
#pragma once

#include "ir/op_site.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"

namespace gannet {

extern const OpDef kOp_delta_mixer;

struct DeltaMixerAttrs {
  float eps;      // of the L2 norms of q and k and of the output norm
  HeadMap heads;  // which key head a value head belongs to
};

struct DeltaMixerOperands {
  ValueId qkv;  // F32[n_tokens, C], C = 2 Hk S + Hv S: q of all key heads, k of all, v of all value heads
  ValueId z;    // F32[n_tokens, Hv S]
  ValueId alpha, beta;  // F32[n_tokens, Hv], logits
  ValueId taps;         // F32[C, kc]
  ValueId a, dt;        // F32[Hv]
  ValueId norm;         // F32[S]
  ValueId conv;         // recurrent[kc - 1, C]
  ValueId delta;        // recurrent[Hv, S, S]
};

// -> F32[n_tokens, Hv S]; both states move on. qkv, z, alpha and beta may have strided rows.
ValueId delta_mixer(GraphBuilder& builder, const DeltaMixerOperands& operands, const DeltaMixerAttrs& attrs);

}  // namespace gannet
