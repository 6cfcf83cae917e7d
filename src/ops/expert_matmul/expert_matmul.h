// expert_matmul: each token (or each choice of a token) multiplied with the weight matrices of its experts.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_expert_matmul;

// x F32[T, n_in] (the same for all choices of a token) or F32[T, k, n_in], leading axes may be strided;
// w [n_experts, n_out, n_in] of any weight type, contiguous; ids I32[T, k] (rows may be strided)
// -> contiguous F32[T, k, n_out]: y[t, j] = w[ids[t, j]] x[t] (or x[t, j]). Activation rounding as for
// matmul.
ValueId expert_matmul(GraphBuilder& builder, ValueId x, ValueId w, ValueId ids);

}  // namespace gannet
