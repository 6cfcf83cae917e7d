// gated_add: y = a + sigmoid(s) * b with one gate per row (the shared expert of a mixture).
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_gated_add;

// a, b F32[n_tokens, n], s F32[n_tokens, 1] -> F32[n_tokens, n].
ValueId gated_add(GraphBuilder& builder, ValueId a, ValueId b, ValueId s);

}  // namespace gannet
