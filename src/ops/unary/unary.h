// unary: elementwise functions of one operand.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_unary;

enum class UnaryFunction : int32_t { kSilu, kSigmoid, kExp, kSoftplus };

struct UnaryAttrs {
  UnaryFunction function;
};

// x F32 (leading axes may be strided) -> contiguous F32 of the same shape.
ValueId silu(GraphBuilder& builder, ValueId x);
ValueId sigmoid(GraphBuilder& builder, ValueId x);
ValueId exp(GraphBuilder& builder, ValueId x);
ValueId softplus(GraphBuilder& builder, ValueId x);

}  // namespace gannet
