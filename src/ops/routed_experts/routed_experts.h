// routed_experts: the mixture of experts of a layer: sum over chosen experts e of
//   weight_e * W_down,e (silu(W_gate,e x) * (W_up,e x)).
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_routed_experts;

// x F32[n_tokens, n_embd], experts I32[n_tokens, top_k], weights F32[n_tokens, top_k],
// gate [n_experts, n_ff, n_embd], up [n_experts, n_ff, n_embd], down [n_experts, n_embd, n_ff] of any weight
// types. Fused files: gate is [n_experts, 2 * n_ff, n_embd] (rows 0..n_ff-1 gate, then up) and up is
// kNoValue.
// -> F32[n_tokens, n_embd]. Activation rounding as for matmul.
ValueId routed_experts(GraphBuilder& builder, ValueId x, const ValueId experts, ValueId weights, ValueId gate,
                       ValueId up, ValueId down);

}  // namespace gannet
