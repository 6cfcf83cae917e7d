// rms_scale: y = x / sqrt(mean(x^2) + eps) over the last axis (rms_norm without its weight).
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_rms_scale;

struct RmsScaleAttrs {
  float eps;
};

// x F32[..., n] (leading axes may be strided) -> contiguous F32 of the same shape.
ValueId rms_scale(GraphBuilder& builder, ValueId x, float eps);

}  // namespace gannet
