// cast: the values as F32.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_cast;

// x F32, F16 or BF16, contiguous -> F32 of the same shape.
ValueId cast(GraphBuilder& builder, ValueId x);

}  // namespace gannet
