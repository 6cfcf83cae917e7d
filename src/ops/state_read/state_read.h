// state_read: a recurrent state as it was before this run.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_state_read;

// state recurrent[...] -> F32 of its shape, a copy.
ValueId state_read(GraphBuilder& builder, ValueId state);

}  // namespace gannet
