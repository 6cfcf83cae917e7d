// rms_norm: y = x * w / sqrt(mean(x^2) + eps) over the last axis.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_rms_norm;

struct RmsNormAttrs {
  float eps;
};

// x F32[..., n] (leading axes may be strided), w F32[n] -> F32[..., n], contiguous.
ValueId rms_norm(GraphBuilder& builder, ValueId x, ValueId w, float eps);

}  // namespace gannet
