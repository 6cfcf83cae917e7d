// swiglu: y = silu(gate) * up.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_swiglu;

// gate, up F32 of one shape (leading axes may be strided) -> contiguous F32.
ValueId swiglu(GraphBuilder& builder, ValueId gate, ValueId up);

}  // namespace gannet
