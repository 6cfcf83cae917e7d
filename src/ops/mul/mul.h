// mul: y = a * b. b has a's shape, or its last axis is 1 and is broadcast.
#pragma once

#include "ir/graph.h"

namespace gannet {

extern const OpDef kOp_mul;

// a F32[..., n], b F32[..., n] or F32[..., 1] (leading axes may be strided) -> contiguous F32[..., n].
ValueId mul(GraphBuilder& builder, ValueId a, ValueId b);

}  // namespace gannet
