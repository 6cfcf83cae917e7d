// embed: rows of a table by index, widened to F32.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_embed;

// table [n_rows, n] of any weight type, ids I32[n_tokens] -> F32[n_tokens, n]. Ids out of range are the
// caller's bug.
ValueId embed(GraphBuilder& builder, ValueId table, ValueId ids);

}  // namespace gannet
