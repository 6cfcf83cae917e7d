// concat: two operands side by side along the last axis.
#pragma once

#include "ir/graph.h"

namespace gannet {

extern const OpDef kOp_concat;

// a F32[..., n], b F32[..., m] with equal leading axes -> F32[..., n + m].
ValueId concat(GraphBuilder& builder, ValueId a, ValueId b);

}  // namespace gannet
