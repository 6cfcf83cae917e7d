// top_logits: the likeliest tokens of each row of logits, so that a sampler need not have all of it.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_top_logits;

struct TopLogitsAttrs {
  int64_t k;
};

// x F32[T, V] (rows may be strided) -> I32[T, 2k]: k pairs of a logit's bits and its column, in the order of
// a sampler: higher first, among equals (0 and -0 are) the lower column. NaN and +infinity, which no sampler
// takes, come before all others, the lower column first, so that one look at the first pair finds the row's
// first fault. -infinity is no choice and not among them; places that are left over have -infinity and column
// -1. k is at least 1, and may be more than V.
ValueId top_logits(GraphBuilder& builder, ValueId x, int64_t k);

}  // namespace gannet
