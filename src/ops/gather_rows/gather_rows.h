// gather_rows: some rows of a value, in any order: y[i, :] = x[rows[i], :].
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_gather_rows;

// x F32 or I32 [n_rows, n] (rows may be strided), rows I32[m] -> [m, n] of x's type. Rows out of range are
// the caller's bug.
ValueId gather_rows(GraphBuilder& builder, ValueId x, ValueId rows);

}  // namespace gannet
