// cumsum: running sums.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_cumsum;

// x F32[..., n] (leading axes may be strided) -> contiguous F32 of the same shape: y[i] = x[0] + ... + x[i].
ValueId cumsum(GraphBuilder& builder, ValueId x);

}  // namespace gannet
