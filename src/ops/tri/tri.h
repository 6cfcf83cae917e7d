// tri: the lower triangle of matrices.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_tri;

enum class TriKeep : int32_t { kLower, kStrict };

struct TriAttrs {
  TriKeep keep;
};

// x F32[..., n, m] (leading axes may be strided) -> contiguous F32 of the same shape, zero above the diagonal
// of the last two axes (lower), or on it and above (strict). What lies there in x does not matter, NaN
// included.
ValueId tri(GraphBuilder& builder, ValueId x, TriKeep keep);

}  // namespace gannet
