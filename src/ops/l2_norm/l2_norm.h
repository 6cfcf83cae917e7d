// l2_norm: y = x / sqrt(sum(x^2) + eps) over the last axis.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_l2_norm;

struct L2NormAttrs {
  float eps;
};

// x F32[..., n] (leading axes may be strided) -> contiguous F32 of the same shape.
ValueId l2_norm(GraphBuilder& builder, ValueId x, float eps);

}  // namespace gannet
