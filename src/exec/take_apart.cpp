#include "exec/take_apart.h"

#include <algorithm>

namespace gannet {
namespace {

class ApartBuilder : public GraphBuilder {
 public:
  ApartBuilder(const std::string& name, const KernelChooser& chooser, const DecomposeContext& context,
               std::vector<std::string>& apart)
      : GraphBuilder(name), chooser_(chooser), context_(context), apart_(apart) {}

 private:
  std::vector<ValueId> instead_of(const OpDef& op, const OpSite& site,
                                  std::span<const ValueId> operands) override {
    if (op.decompose == nullptr || !KernelChooser::needs_kernel(op, site) ||
        chooser_.choose(op, site).kernel != nullptr)
      return {};
    std::vector<ValueId> parts = op.decompose(*this, site, operands, context_);
    if (!parts.empty() && std::find(apart_.begin(), apart_.end(), op.name) == apart_.end())
      apart_.push_back(op.name);
    return parts;
  }

  const KernelChooser& chooser_;
  const DecomposeContext& context_;
  std::vector<std::string>& apart_;
};

// Which nodes an output or a state depends on.
std::vector<bool> needed_nodes(const Graph& graph) {
  std::vector<bool> value(graph.values.size(), false), node(graph.nodes.size(), false);
  for (const GraphOutput& output : graph.outputs) value[static_cast<size_t>(output.value)] = true;
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& use = graph.nodes[n];
    node[n] = use.op->writes_state;
    for (const ValueId id : use.results) node[n] = node[n] || value[static_cast<size_t>(id)];
    if (!node[n]) continue;
    for (const ValueId id : use.operands)
      if (id != kNoValue) value[static_cast<size_t>(id)] = true;
  }
  return node;
}

}  // namespace

KernelChoice KernelChooser::choose(const OpDef& op, const OpSite& site) const {
  KernelChoice choice = kernels_.choose(op, site, policy_, device_.kind(), device_.features());
  if (const char* refusal = device_.refuses(op.name, site); refusal != nullptr) {
    choice.kernel = nullptr;
    for (KernelCandidate& candidate : choice.candidates) candidate.refusal = refusal;
  }
  return choice;
}

bool KernelChooser::needs_kernel(const OpDef& op, const OpSite& site) {
  return op.view == nullptr && (op.placed_operand == nullptr || op.placed_operand(site) < 0);
}

Result<Graph> take_apart(const Graph& graph, const KernelChooser& chooser, const DecomposeContext& context,
                         std::vector<std::string>& apart) {
  ApartBuilder builder(graph.name, chooser, context, apart);
  const Graph all = GANNET_TRY(rebuild(graph, builder));
  const std::vector<bool> needed = needed_nodes(all);
  GraphBuilder again(graph.name);
  return rebuild(all, again, &needed);
}

}  // namespace gannet
