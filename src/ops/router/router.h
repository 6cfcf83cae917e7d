// router: softmax over all experts, the top_k largest, renormalised: w_e = s_e / max(sum over top of s,
// 2^-14). Order: falling weight, ties to the lower expert. NaN logits give experts 0 .. top_k-1 in range and
// NaN weights, never an index out of range.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_router;

struct RouterAttrs {
  int64_t top_k;
};

struct Routing {
  ValueId experts;  // I32[n_tokens, top_k]
  ValueId weights;  // F32[n_tokens, top_k]
};

// logits F32[n_tokens, n_experts].
Routing router(GraphBuilder& builder, ValueId logits, int64_t top_k);

}  // namespace gannet
