// softmax: y = exp(x - max x) / sum exp(x - max x) over the last axis, optionally masked.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_softmax;

// x F32[..., T, n] (leading axes may be strided), mask F32[T, n] or kNoValue (added to x first), kv a KV
// cache state or kNoValue: row t of the T sees columns 0 .. n_past + t, the others get 0 -> contiguous F32 of
// x's shape. A row with NaN gives NaN.
ValueId softmax(GraphBuilder& builder, ValueId x, ValueId mask = kNoValue, ValueId kv = kNoValue);

}  // namespace gannet
