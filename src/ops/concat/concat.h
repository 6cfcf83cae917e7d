// concat: operands one behind the other along an axis.
#pragma once

#include <initializer_list>
#include <span>

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_concat;

struct ConcatAttrs {
  int64_t axis;
};

// Operands F32 of one rank and with equal axes but `axis` (leading axes may be strided) -> contiguous F32
// whose `axis` is as long as theirs together.
ValueId concat(GraphBuilder& builder, std::span<const ValueId> operands, int64_t axis);
ValueId concat(GraphBuilder& builder, std::initializer_list<ValueId> operands, int64_t axis);

}  // namespace gannet
