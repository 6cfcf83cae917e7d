// quantize: activations rounded to 8 bits (tensor/act8.h), as products with weights of block types may take
// them.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_quantize;

// x F32[n_tokens, n] (rows may be strided), n a multiple of 32 -> ACT8[n_tokens, n rounded up to whole 256]:
// per block of 32, d = max |x| / 127 and codes round(x / d); zeros behind n.
ValueId quantize(GraphBuilder& builder, ValueId x);

}  // namespace gannet
