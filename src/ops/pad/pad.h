// pad: zeros behind one axis.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_pad;

struct PadAttrs {
  int64_t axis, after;
};

// x F32 (leading axes may be strided) -> contiguous F32 whose `axis` is longer by `after` zeros at its end.
ValueId pad(GraphBuilder& builder, ValueId x, int64_t axis, int64_t after);

}  // namespace gannet
