// permute: the axes in another order. A view.
#pragma once

#include <initializer_list>

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_permute;

struct PermuteAttrs {
  int64_t axis[kMaxRank];  // of the operand, for each axis of the result; i for i >= rank
};

// x of any type whose blocks hold one element and any strides; axes is an order of its axes -> result with
// dim[i] = x.dim[axes[i]].
ValueId permute(GraphBuilder& builder, ValueId x, std::initializer_list<int64_t> axes);

}  // namespace gannet
