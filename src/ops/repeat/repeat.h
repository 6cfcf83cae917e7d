// repeat: one axis several times as long.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_repeat;

enum class RepeatKind : int32_t { kInterleave, kTile };

struct RepeatAttrs {
  int64_t axis, times;
  RepeatKind kind;
};

// x F32 (leading axes may be strided) -> contiguous F32 whose `axis` is `times` as long. Entry i of the
// result is entry i / times of x (interleave) or i % dim (tile).
ValueId repeat(GraphBuilder& builder, ValueId x, int64_t axis, int64_t times, RepeatKind kind);

}  // namespace gannet
