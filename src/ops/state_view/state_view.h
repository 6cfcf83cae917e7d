// state_view: a recurrent state as it was before this run, in its own memory. A view: unlike state_read it
// copies nothing, so nothing may write the state while the view is in use.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_state_view;

// state recurrent[...] -> F32 of its shape.
ValueId state_view(GraphBuilder& builder, ValueId state);

}  // namespace gannet
