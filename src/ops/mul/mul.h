// mul: y = a * b with numpy's broadcasting; heads (axis 0) may be shared.
#pragma once

#include "ir/graph.h"
#include "ops/broadcast.h"

namespace gannet {

extern const OpDef kOp_mul;

struct MulAttrs {
  HeadShare heads;
};

// a, b F32 of one rank (leading axes may be strided); on each axis the same length, or 1 on one side, which
// is then repeated -> contiguous F32. With tiled or grouped heads axis 0 of one side, either, may be a
// divisor of the other's: entry h of the result takes its entry h % few or h / (many / few).
ValueId mul(GraphBuilder& builder, ValueId a, ValueId b, HeadShare heads = HeadShare::kSame);

}  // namespace gannet
