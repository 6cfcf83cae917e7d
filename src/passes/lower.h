// Lowering: every op that has a decomposition is replaced by it, down to primitives. The result is the naive
// graph, the one the published definition of the model spells out (docs/naive-graph.md).
#pragma once

#include "ir/graph.h"

namespace gannet {

// A builder that adds decompositions instead of ops that have one, down to primitives.
class LoweringBuilder : public GraphBuilder {
 public:
  LoweringBuilder(std::string name, const DecomposeContext& context)
      : GraphBuilder(std::move(name)), context_(context) {}

 private:
  std::vector<ValueId> instead_of(const OpDef& op, const OpSite& site,
                                  std::span<const ValueId> operands) override;

  DecomposeContext context_;
};

// Errors: kRuntime when a decomposition makes an illegal use (names op and operand).
Result<Graph> lower(const Graph& graph, const DecomposeContext& context);

}  // namespace gannet
