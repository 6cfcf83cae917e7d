// state_write: the state that this run leaves behind.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_state_write;

// kCopy: x is copied. kDirect: x was computed in the state's memory already; where it was not after all, it
// is copied, so both mean the same.
enum class StatePlace : int32_t { kCopy, kDirect };

struct StateWriteAttrs {
  StatePlace place;
};

// state recurrent[...], x F32, contiguous, of any shape with as many elements. No result.
void state_write(GraphBuilder& builder, ValueId state, ValueId x, StatePlace place = StatePlace::kCopy);

}  // namespace gannet
