// kv_read: the rows of a KV cache as tensors.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_kv_read;

struct KvReadAttrs {
  int64_t n_kv, n_tokens;
};

struct KvTensors {
  ValueId k, v;
};

// kv state kv[n_kv_heads, head_dim] -> K and V F32[n_kv_heads, n_kv, head_dim]: the rows 0 .. n_past +
// n_tokens - 1 of the cache, where n_tokens is the number of tokens of this run, which must have been stored
// before (kv_append); zeros behind them. n_kv is at least n_past + n_tokens when it runs.
KvTensors kv_read(GraphBuilder& builder, ValueId kv, int64_t n_kv, int64_t n_tokens);

}  // namespace gannet
