#include "passes/compile.h"

#include <cmath>

#include "ops/kv_read/kv_read.h"
#include "passes/lower.h"

namespace gannet {

Result<CompiledGraph> compile_graph(const Graph& graph, const GraphOptions& options, int64_t n_kv,
                                    OpCatalogue ops) {
  GANNET_TRY(check_pass_names(options.passes.off));
  CompiledGraph compiled;
  compiled.graph = GANNET_TRY(lower(graph, {.n_kv = n_kv}));
  if (!options.naive) compiled.passes = GANNET_TRY(run_passes(compiled.graph, options.passes, ops));
  for (const Node& node : compiled.graph.nodes)
    compiled.fixed_kv = compiled.fixed_kv || node.op == &kOp_kv_read;
  return compiled;
}

void fill_constant_input(InputSource source, const TensorView& view) {
  if (input_source_info(source).scope != InputScope::kConstant) return;
  const bool lower = source == InputSource::kLower, strict = source == InputSource::kStrict,
             eye = source == InputSource::kEye;
  for (int64_t i = 0; i < view.shape.dim[0]; ++i)
    for (int64_t j = 0; j < view.shape.dim[1]; ++j)
      view.f32(i)[j] = (lower && j <= i) || (strict && j < i) || (eye && j == i) ? 1.0f : 0.0f;
}

void fill_causal_mask(const TensorView& view, int64_t n_past) {
  for (int64_t t = 0; t < view.shape.dim[0]; ++t)
    for (int64_t j = 0; j < view.shape.dim[1]; ++j) view.f32(t)[j] = j <= n_past + t ? 0.0f : -INFINITY;
}

}  // namespace gannet
