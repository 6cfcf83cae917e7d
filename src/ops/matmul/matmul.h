// matmul: y = x W^T for a linear layer, weights of any stored type, activations F32.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_matmul;

// x F32[n_tokens, n_in] (rows may be strided), w [n_out, n_in] of any weight type -> F32[n_tokens, n_out].
// F32, F16 and BF16 weights: float32 arithmetic on the stored weights. Block types: kernels may round
// activations to 8 bits per block of 32 (tensor/act8.h); the reference does not.
ValueId matmul(GraphBuilder& builder, ValueId x, ValueId w);

}  // namespace gannet
