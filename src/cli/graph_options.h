// Options about the graph that is run: the published definition's (naive) or what the passes make of it
// (optimized), which passes stay away, and ways to watch them work.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "passes/compile.h"

namespace gannet {

// Values as typed.
struct GraphFlags {
  std::string graph = "optimized";
  std::vector<std::string> passes;  // "-NAME,..."
  bool verify_each = false, print_changed = false;
  int bisect = -1;
};

void add_graph_options(Options& options, GraphFlags& flags);   // --graph, --passes
void add_passes_option(Options& options, GraphFlags& flags);   // --passes
void add_bisect_options(Options& options, GraphFlags& flags);  // --verify-each, --print-changed, --bisect

// Whether `name` is the naive graph. Errors: kUsage naming the flag.
Result<bool> is_naive_graph(const std::string& name);

// The names in "-NAME,-NAME". Errors: kUsage for a name without its minus and for a name that is no pass.
Result<std::vector<std::string>> switched_off_passes(const std::vector<std::string>& values);

// The graph these flags mean. The observer, if there is one, prints to stderr. Errors: kUsage.
Result<GraphOptions> graph_options(const GraphFlags& flags);

// The passes that would run, in their order: without those in `off`, and only the first `first_n` if that is
// not negative.
std::vector<std::string> pass_names(const PipelineOptions& options);

// After --bisect: says on stderr which pass was the last one.
void say_bisect(const GraphOptions& options);

// "fuse_moe: changes 8, nodes 300 -> 200, 41.2 us".
std::string pass_report_line(const PassReport& report);

}  // namespace gannet
