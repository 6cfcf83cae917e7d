// linear: one step of a model's linear layers on the same activations: the products with one or several
// weight matrices side by side, and a residual on top.
#pragma once

#include <span>

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_linear;

// x F32[n_tokens, n_in] (rows may be strided); q ACT8, quantize(x), or kNoValue: with it nobody rounds again;
// residual F32[n_tokens, sum of n_out] (rows may be strided) or kNoValue; w: [n_out_i, n_in] each of any
// weight type
// -> F32[n_tokens, sum of n_out]: x w_0^T, x w_1^T, ... in order, plus residual. The rules for weight types
// are those of matmul.
ValueId linear(GraphBuilder& builder, ValueId x, ValueId q, ValueId residual, std::span<const ValueId> w);

}  // namespace gannet
