// What shape rules have in common: checks with messages that name the operand, and the cost of simple
// row-wise ops. For definition files (<op>/<op>.cpp); kernels do not include it.
#pragma once

#include "ir/op_def.h"

namespace gannet {

inline const char* operand_name(const OpDef& op, int i) {
  return op.operands[static_cast<size_t>(i)].name;
}

// Operand i must be F32 (an operand that is not given passes).
Result<void> expect_f32(const OpDef& op, const OpSite& site, int i);

// Operand i must be exactly `type` (an operand that is not given passes); `because` says where the shape
// comes from.
Result<void> expect_type(const OpDef& op, const OpSite& site, int i, const TensorType& type,
                         const char* because);

// Operand i must have `rank` axes; `axes` shows them ("[n_tokens, n]").
Result<void> expect_rank(const OpDef& op, const OpSite& site, int i, int rank, const char* axes);

// Operand i must be the state of one sequence.
Result<void> expect_recurrent(const OpDef& op, const OpSite& site, int i);

// Every given operand is read once and every result written once.
Cost streaming_cost(const OpSite& site, int64_t flops_per_result);

}  // namespace gannet
