// norm_quantize: rms_norm and the rounding of its result, in one pass over the row.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_norm_quantize;

struct NormQuantizeAttrs {
  float eps;
};

struct NormQuantized {
  ValueId y;  // F32[n_tokens, n]: rms_norm(x; w)
  ValueId q;  // ACT8: quantize(y)
};

// x F32[n_tokens, n] (rows may be strided), n a multiple of 32, w F32[n].
NormQuantized norm_quantize(GraphBuilder& builder, ValueId x, ValueId w, float eps);

}  // namespace gannet
