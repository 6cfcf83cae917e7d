// gated_rms_norm: y = rms_norm(x; w) * silu(z) over the last axis (the output norm of Gated DeltaNet: norm
// first, gate after).
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_gated_rms_norm;

struct GatedRmsNormAttrs {
  float eps;
};

// x, z F32[..., n] of one shape (leading axes may be strided), w F32[n] -> F32[..., n], contiguous.
ValueId gated_rms_norm(GraphBuilder& builder, ValueId x, ValueId w, ValueId z, float eps);

}  // namespace gannet
