// From a model's graph to the graph that is planned: lowered to primitives, then taken through the passes.
#pragma once

#include "passes/pipeline.h"

namespace gannet {

struct GraphOptions {
  bool naive = false;  // stop after lowering: the graph of the published definition
  PipelineOptions passes;
};

struct CompiledGraph {
  Graph graph;
  std::vector<PassReport> passes;
  // The number of KV rows that attention looks at is part of the graph (attention was not fused): the graph
  // serves runs with n_past + n_tokens <= n_kv.
  bool fixed_kv = false;
};

// `n_kv`: rows of the KV caches for lowered attention. Errors: kUsage for a pass name that does not exist,
// kRuntime for a graph that cannot be lowered.
Result<CompiledGraph> compile_graph(const Graph& graph, const GraphOptions& options, int64_t n_kv,
                                    OpCatalogue ops);

// Fills the memory of an input whose source is a constant; does nothing for others.
void fill_constant_input(InputSource source, const TensorView& view);

// Fills that of InputSource::kCausalMask for a run behind n_past tokens.
void fill_causal_mask(const TensorView& view, int64_t n_past);

}  // namespace gannet
