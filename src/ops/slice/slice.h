// slice: elements [start, start + length) of one axis. A view.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_slice;

struct SliceAttrs {
  int64_t axis, start, length;
};

ValueId slice(GraphBuilder& builder, ValueId x, int64_t axis, int64_t start, int64_t length);

}  // namespace gannet
