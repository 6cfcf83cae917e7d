// attention_mixer: attention together with the norm and rotation of its heads.
#pragma once

#include "ir/op_site.h"
#include "ops/rope/rope.h"

namespace gannet {

extern const OpDef kOp_attention_mixer;

struct AttentionMixerAttrs {
  float eps;    // of the norms
  float scale;  // of q.k, 1/sqrt(head_dim)
  RopeAttrs rope;
};

struct AttentionMixerOperands {
  ValueId q = kNoValue;                          // F32[n_tokens, n_heads, head_dim]
  ValueId k = kNoValue, v = kNoValue;            // F32[n_tokens, n_kv_heads, head_dim]
  ValueId gate = kNoValue;                       // like q, or not given
  ValueId q_norm = kNoValue, k_norm = kNoValue;  // F32[head_dim]
  ValueId positions = kNoValue;                  // I32[n_tokens]
  ValueId kv = kNoValue;                         // state kv[n_kv_heads, head_dim]
};

// -> F32[n_tokens, n_heads, head_dim] = attention(rope(rms_norm(q)), rope(rms_norm(k)), v, kv, gate). The
// cache receives K after norm and rotation. q, k, v and gate may be strided in the leading axes.
ValueId attention_mixer(GraphBuilder& builder, const AttentionMixerOperands& operands,
                        const AttentionMixerAttrs& attrs);

}  // namespace gannet
