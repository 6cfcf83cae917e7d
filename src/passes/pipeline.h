// The pipeline: all passes over a graph in their order, each one timed, and checked, shown or left out when
// asked for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "passes/pass.h"

namespace gannet {

// What a pass did to one graph.
struct PassReport {
  const Pass* pass;
  int changes;  // 0: the graph is as it was
  double microseconds;
  size_t nodes_before, nodes_after;
};

struct PipelineOptions {
  Capabilities can;              // what the graph may ask of a back end: nothing special
  std::vector<std::string> off;  // names of passes that do not run
  int first_n = -1;              // only the first n passes of the pipeline run (bisecting); -1: all
  bool verify_each = false;      // verify the graph after each pass
  // Called after each pass that ran. May be null.
  std::function<void(const PassReport&, const Graph&)> observer;
};

// Errors: kUsage for a name in `off` that is no pass (lists the names), kRuntime when verify_each finds a
// broken graph (names the pass).
Result<std::vector<PassReport>> run_passes(Graph& graph, const PipelineOptions& options, OpCatalogue ops);

// The named passes only, in pipeline order.
Result<std::vector<PassReport>> run_passes(Graph& graph, const std::vector<std::string>& only,
                                           const PipelineOptions& options, OpCatalogue ops);

// "there is no pass \"NAME\"; the passes are ..." as kUsage, when one of the names is none.
Result<void> check_pass_names(const std::vector<std::string>& names);

}  // namespace gannet
