#include "passes/lower.h"

namespace gannet {

std::vector<ValueId> LoweringBuilder::instead_of(const OpDef& op, const OpSite& site,
                                                 std::span<const ValueId> operands) {
  if (op.decompose == nullptr) return {};
  return op.decompose(*this, site, operands, context_);
}

Result<Graph> lower(const Graph& graph, const DecomposeContext& context) {
  LoweringBuilder builder(graph.name, context);
  std::vector<ValueId> mapped(graph.values.size(), kNoValue);
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& v = graph.values[i];
    if (v.kind == ValueKind::kInput) mapped[i] = builder.input(v.name, v.type, v.source);
    if (v.kind == ValueKind::kParam) mapped[i] = builder.param(v.name, v.type);
    if (v.kind == ValueKind::kState) mapped[i] = builder.state(v.name, v.type);
  }
  std::vector<ValueId> operands;
  for (const Node& node : graph.nodes) {
    operands.clear();
    for (const ValueId id : node.operands)
      operands.push_back(id == kNoValue ? kNoValue : mapped[static_cast<size_t>(id)]);
    const auto results = builder.add(*node.op, operands, node.attrs.raw.data(), kAttrBytes);
    for (size_t i = 0; i < node.results.size(); ++i)
      mapped[static_cast<size_t>(node.results[i])] = results[i];
  }
  for (const GraphOutput& out : graph.outputs)
    builder.output(out.name, mapped[static_cast<size_t>(out.value)]);
  return builder.finish();
}

}  // namespace gannet
