// top_k: the columns of the k largest values of each row.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_top_k;

struct TopKAttrs {
  int64_t k;
};

// x F32[T, E] (rows may be strided) -> I32[T, k], falling value, ties to the lower column. A row with NaN
// gives 0 .. k-1.
ValueId top_k(GraphBuilder& builder, ValueId x, int64_t k);

}  // namespace gannet
