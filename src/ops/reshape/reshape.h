// reshape: the same elements under another shape. A view; the operand must be contiguous (or only its leading
// axes change in a way that strides can express).
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_reshape;

struct ReshapeAttrs {
  int64_t rank;
  int64_t dim[kMaxRank];
};

// x of any shape -> `shape`, same number of elements.
ValueId reshape(GraphBuilder& builder, ValueId x, const Shape& shape);

// Whether memory laid out as `x` can be looked at in this shape: false when that would cut across a stride.
bool reshape_is_view(const TensorView& x, const Shape& shape);

}  // namespace gannet
