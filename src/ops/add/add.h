// add: y = a + b, same shapes.
#pragma once

#include "ir/graph.h"

namespace gannet {

extern const OpDef kOp_add;

// a, b F32 of one shape (leading axes may be strided) -> contiguous F32.
ValueId add(GraphBuilder& builder, ValueId a, ValueId b);

}  // namespace gannet
