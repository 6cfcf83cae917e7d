// moe: the whole mixture of experts of a layer behind the products with x that every token needs: choice of
// the experts from the router's logits, the experts, the shared expert and the residual.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_moe;

struct MoeAttrs {
  int64_t top_k;
};

struct MoeOperands {
  ValueId x = kNoValue;  // F32[n_tokens, n_embd]
  // ACT8[n_tokens, padded n_embd]: x as quantize rounds it. Given, nobody rounds x again. Nothing else
  // follows from it.
  ValueId q = kNoValue;
  ValueId logits = kNoValue;  // F32[n_tokens, n_experts]
  // As routed_experts has them: weights [n_experts, n_ff, n_embd] (gate [n_experts, 2 * n_ff, n_embd] without
  // up) and [n_experts, n_embd, n_ff].
  ValueId gate = kNoValue, up = kNoValue, down = kNoValue;
  // The shared expert, all four or none: gate and up products F32[n_tokens, n_shared], weight
  // [n_embd, n_shared], scale before its sigmoid F32[n_tokens, 1].
  ValueId shared_gate = kNoValue, shared_up = kNoValue, shared_down = kNoValue, shared_scale = kNoValue;
  ValueId residual = kNoValue;  // F32[n_tokens, n_embd]
};

// -> F32[n_tokens, n_embd] = residual + routed_experts(x, router(logits, top_k))
//    + sigmoid(shared_scale) * shared_down(silu(shared_gate) * shared_up).
// Activations may be strided in the leading axis. Choice and weights as router, rounding as routed_experts.
ValueId moe(GraphBuilder& builder, const MoeOperands& operands, int64_t top_k);

}  // namespace gannet
