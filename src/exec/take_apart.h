// What happens to a graph before it is planned for a device: ops that no kernel of the device runs are taken
// apart, down to ops that one does.
#pragma once

#include <string>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/registry.h"
#include "ir/graph.h"

namespace gannet {

// The kernel for a use on one device.
class KernelChooser {
 public:
  // All must outlive the chooser.
  KernelChooser(const KernelRegistry& kernels, const KernelPolicy& policy, const Device& device)
      : kernels_(kernels), policy_(policy), device_(device) {}

  KernelChoice choose(const OpDef& op, const OpSite& site) const;
  // Views need no kernel, and neither do values that are computed in a state's memory.
  static bool needs_kernel(const OpDef& op, const OpSite& site);

 private:
  const KernelRegistry& kernels_;
  const KernelPolicy& policy_;
  const Device& device_;
};

// The graph with every use that has no kernel replaced by its decomposition, and that again where needed;
// values that nobody needs then are gone. Primitives without a kernel stay: the planner names them. `apart`
// gets the names of the ops, each once. Errors: kRuntime when a decomposition makes an illegal use.
Result<Graph> take_apart(const Graph& graph, const KernelChooser& chooser, const DecomposeContext& context,
                         std::vector<std::string>& apart);

}  // namespace gannet
