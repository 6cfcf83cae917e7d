// Nodes whose results nobody uses, and then inputs, parameters and states that nobody uses.
#include "passes/pass.h"

namespace gannet {
namespace {

void run(GraphEdit& edit, PassContext&) {
  for (int n = edit.n_nodes() - 1; n >= 0; --n) {
    const Node& node = edit.node(n);
    bool used = node.op->writes_state;
    for (const ValueId id : node.results) used = used || !edit.unused(id);
    if (!used) edit.erase(n);
  }
  edit.drop_unused_values();
}

}  // namespace

extern const Pass kPass_eliminate_dead = {
    "eliminate_dead", "Remove nodes, inputs and parameters that no output and no state depends on.", true,
    run};

}  // namespace gannet
