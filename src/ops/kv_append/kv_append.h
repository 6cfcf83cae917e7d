// kv_append: stores the K and V of this run in a KV cache.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_kv_append;

// kv state kv[n_kv_heads, head_dim], k and v F32[n_tokens, n_kv_heads, head_dim] (leading axes may be
// strided), rounded to the cache's types and stored behind its n_past tokens. No result.
void kv_append(GraphBuilder& builder, ValueId kv, ValueId k, ValueId v);

}  // namespace gannet
