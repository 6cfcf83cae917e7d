// add: y = a + b with numpy's broadcasting.
#pragma once

#include "ir/graph.h"

namespace gannet {

extern const OpDef kOp_add;

// a, b F32 of one rank (leading axes may be strided); on each axis the same length, or 1 on one side, which
// is then repeated -> contiguous F32.
ValueId add(GraphBuilder& builder, ValueId a, ValueId b);

}  // namespace gannet
