// attention: causal grouped-query softmax attention over a KV cache, with an optional sigmoid output gate
// (Qwen's gated attention). Appends this run's K and V to the cache first, then token t sees positions 0 ..
// n_past + t.
#pragma once

#include "ir/op_site.h"

namespace gannet {

struct Cost;
struct CostContext;

extern const OpDef kOp_attention;

struct AttentionAttrs {
  float scale;  // of q.k, 1/sqrt(head_dim)
};

// q F32[n_tokens, n_heads, head_dim], k and v F32[n_tokens, n_kv_heads, head_dim], kv state kv[n_kv_heads,
// head_dim], gate F32[n_tokens, n_heads, head_dim] or kNoValue; all may be strided in the leading axes.
// -> F32[n_tokens, n_heads, head_dim] = softmax(scale q K^T) V * sigmoid(gate). Query head h uses KV head
// h / (n_heads / n_kv_heads). K and V are rounded to the cache's types when stored; sums are F32.
ValueId attention(GraphBuilder& builder, ValueId q, ValueId k, ValueId v, ValueId kv, ValueId gate,
                  float scale);

// The attention part of the cost of ops that contain it, see OpDef::cost and OpDef::cost_per_past_token: q.k
// and the weighted sum of v over a run's own tokens, and over one token of the context, whose K and V are
// read.
int64_t attention_flops(const TensorType& q);
Cost attention_cost_per_past_token(const TensorType& q, const TensorType& k, const CostContext& context);

}  // namespace gannet
