// Lowering: every op that has a decomposition is replaced by it, down to primitives. The result is the naive
// graph, the one the published definition of the model spells out (docs/naive-graph.md).
#pragma once

#include "ir/graph.h"

namespace gannet {

struct LowerOptions {
  // Rows of the KV caches that attention looks at: at least n_past + n_tokens when the graph runs.
  int64_t n_kv = 256;
};

// Errors: kRuntime when a decomposition makes an illegal use (names op and operand).
Result<Graph> lower(const Graph& graph, const LowerOptions& options);

}  // namespace gannet
