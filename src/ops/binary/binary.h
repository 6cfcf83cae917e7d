// add, sub, mul, div: y = a + b, a - b, a * b, a / b with numpy's broadcasting. Four ops in one folder: they
// differ in one operator.
#pragma once

#include "ir/op_site.h"
#include "ops/broadcast.h"

namespace gannet {

extern const OpDef kOp_add, kOp_sub, kOp_mul, kOp_div;

struct MulAttrs {
  HeadShare heads;
};

// a, b F32 of one rank (leading axes may be strided); on each axis the same length, or 1 on one side, which
// is then repeated -> contiguous F32.
ValueId add(GraphBuilder& builder, ValueId a, ValueId b);
ValueId sub(GraphBuilder& builder, ValueId a, ValueId b);
ValueId div(GraphBuilder& builder, ValueId a, ValueId b);

// In products heads (axis 0) may be shared. With tiled or grouped heads axis 0 of one side, either, may be a
// divisor of the other's: entry h of the result takes its entry h % few or h / (many / few).
ValueId mul(GraphBuilder& builder, ValueId a, ValueId b, HeadShare heads = HeadShare::kSame);

}  // namespace gannet
