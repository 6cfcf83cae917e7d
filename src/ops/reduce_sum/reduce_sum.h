// reduce_sum: the sum over one axis.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_reduce_sum;

struct ReduceSumAttrs {
  int64_t axis;
};

// x F32 (leading axes may be strided) -> contiguous F32 of the same rank whose `axis` is 1.
ValueId reduce_sum(GraphBuilder& builder, ValueId x, int64_t axis);

}  // namespace gannet
