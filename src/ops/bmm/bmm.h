// bmm: matrix products of corresponding entries of two batches: y = a b (columns) or y = a b^T (rows).
#pragma once

#include "ir/op_site.h"
#include "ops/broadcast.h"

namespace gannet {

extern const OpDef kOp_bmm;

// What the last axes of b are: [N, K] (its rows are multiplied with the rows of a) or [K, N].
enum class BmmSide : int32_t { kRows, kColumns };

struct BmmAttrs {
  BmmSide b;
  HeadShare heads;
};

// a F32[..., M, K] with any strides (also on the last axis), b F32[..., N, K] or F32[..., K, N] (leading axes
// may be strided) -> contiguous F32[..., M, N]. Ranks are equal, 2 to 4; the leading axes are equal, but with
// heads tiled or grouped (rank 3 or 4) one operand may have a divisor of the other's entries on axis 0 (see
// HeadShare).
ValueId bmm(GraphBuilder& builder, ValueId a, ValueId b, BmmSide side, HeadShare heads = HeadShare::kSame);

}  // namespace gannet
