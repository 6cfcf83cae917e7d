// copy: the same values, contiguous.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_copy;

// x F32 with any strides, the last axis too (a permuted view) -> contiguous F32 of the same shape.
ValueId copy(GraphBuilder& builder, ValueId x);

}  // namespace gannet
