#include "passes/lower.h"

namespace gannet {

std::vector<ValueId> LoweringBuilder::instead_of(const OpDef& op, const OpSite& site,
                                                 std::span<const ValueId> operands) {
  if (op.decompose == nullptr) return {};
  return op.decompose(*this, site, operands, context_);
}

Result<Graph> lower(const Graph& graph, const DecomposeContext& context) {
  LoweringBuilder builder(graph.name, context);
  return rebuild(graph, builder);
}

}  // namespace gannet
