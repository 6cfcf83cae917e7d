// scale: y = factor * x.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_scale;

struct ScaleAttrs {
  float factor;
};

// x F32 (leading axes may be strided) -> contiguous F32 of the same shape.
ValueId scale(GraphBuilder& builder, ValueId x, float factor);

}  // namespace gannet
