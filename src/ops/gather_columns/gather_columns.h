// gather_columns: chosen columns of each row: y[t, j] = x[t, ids[t, j]].
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_gather_columns;

// x F32[T, E], ids I32[T, k] with values in 0 .. E-1 (rows of both may be strided) -> contiguous F32[T, k].
ValueId gather_columns(GraphBuilder& builder, ValueId x, ValueId ids);

}  // namespace gannet
