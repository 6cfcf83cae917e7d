// solve_tri: X with L X = B for lower triangular L.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_solve_tri;

// What stands on the diagonal of L: the stored values, or ones whatever is stored.
enum class SolveDiagonal : int32_t { kGiven, kOne };

struct SolveTriAttrs {
  SolveDiagonal diagonal;
};

// l F32[..., n, n] (what lies above the diagonal is ignored), b F32[..., n, m] with the same leading axes, or
// with all of them 1 (the same for all), or kNoValue (the identity); leading axes may be strided ->
// contiguous F32 of the shape of b (of l).
ValueId solve_tri(GraphBuilder& builder, ValueId l, ValueId b, SolveDiagonal diagonal);

}  // namespace gannet
