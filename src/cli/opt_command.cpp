// `gannet opt`: the graph compiler on graphs in text form.
#include <algorithm>

#include <fmt/format.h>

#include "backend/cpu/capabilities.h"
#include "base/read_input.h"
#include "cli/bench_ranges.h"
#include "cli/command.h"
#include "cli/graph_options.h"
#include "cli/input_text.h"
#include "cli/say.h"
#include "ops/catalogue.h"
#include "passes/lower.h"

namespace gannet {
namespace {

struct OptOptions {
  GraphFlags graph;
  std::vector<std::string> only;
  std::string file;
  bool list = false, lower = false, stats = false;
  int64_t n_kv = 256;
};

// The named passes in the order of the pipeline, cut by --bisect.
Result<std::vector<std::string>> chosen_passes(const OptOptions& o) {
  const std::vector<std::string> only = split_bench_words(o.only);
  auto checked = check_pass_names(only);
  if (!checked.ok()) return checked.take_error().with_context("--pass");
  std::vector<std::string> names = pass_names({});
  if (!o.only.empty())
    std::erase_if(names,
                  [&](const std::string& name) { return std::ranges::find(only, name) == only.end(); });
  if (o.graph.bisect >= 0) {
    const auto n = static_cast<size_t>(o.graph.bisect);
    if (n > names.size())
      return Error(ErrorCode::kUsage, fmt::format("--bisect {}: there are only {} passes", n, names.size()));
    if (n == 0)
      say("no pass of {} runs", names.size());
    else
      say("pass {} of {} is the last: {}", n, names.size(), names[n - 1]);
    names.resize(n);
  }
  return names;
}

void print_stats(const std::vector<PassReport>& reports) {
  put_stderr(fmt::format("{:<24} {:>8} {:>8} {:>8} {:>12}\n", "pass", "changes", "before", "after", "us"));
  double sum = 0;
  for (const PassReport& r : reports) {
    put_stderr(fmt::format("{:<24} {:>8} {:>8} {:>8} {:>12.1f}\n", r.pass->name, r.changes, r.nodes_before,
                           r.nodes_after, r.microseconds));
    sum += r.microseconds;
  }
  put_stderr(fmt::format("{:<24} {:>8} {:>8} {:>8} {:>12.1f}\n", "all", "", "", "", sum));
}

Result<void> run_opt(const OptOptions& o) {
  if (o.list) {
    for (const Pass* pass : all_passes()) GANNET_TRY(print("{:<24} {}\n", pass->name, pass->summary));
    return {};
  }
  if (o.file.empty())
    return Error(ErrorCode::kUsage, "there is no graph: give a file, - for stdin, or --list");
  const std::vector<std::string> names = GANNET_TRY(chosen_passes(o));
  GraphFlags flags = o.graph;
  flags.bisect = -1;  // `names` is cut already
  GraphOptions options = GANNET_TRY(graph_options(flags));
  options.passes.can = kCpuCapabilities;
  const std::string text = GANNET_TRY(read_text(o.file));
  auto parsed = parse_graph(text, all_ops());
  if (!parsed.ok()) return parsed.take_error().with_context(input_name(o.file));
  Graph graph = parsed.take();
  if (o.lower) graph = GANNET_TRY(lower(graph, {.n_kv = o.n_kv}));
  const auto reports = GANNET_TRY(run_passes(graph, names, options.passes, all_ops()));
  if (o.stats) print_stats(reports);
  return put_stdout(print_graph(graph));
}

}  // namespace

Command opt_command() {
  auto o = std::make_shared<OptOptions>();
  Command command{.name = "opt", .summary = "Run passes of the graph compiler on a graph file (.gir)"};
  command.options = {
      {.names = "FILE", .help = "Graph in text form (- for stdin)", .target = &o->file},
      {.names = "--list", .help = "List the passes in the order in which they run", .target = &o->list},
      {.names = "--pass",
       .value = "NAME,NAME",
       .help = "Run only these passes, in the order of the pipeline",
       .target = &o->only},
      {.names = "--lower",
       .help = "First replace ops by their decompositions, down to primitives",
       .target = &o->lower},
      {.names = "--n-kv",
       .value = "N",
       .help = "Rows of the KV caches that lowered attention looks at",
       .target = &o->n_kv,
       .at_least = 1,
       .at_most = 1 << 30},
      {.names = "--stats",
       .help = "Print changes, nodes and time of each pass to stderr",
       .target = &o->stats},
  };
  add_bisect_options(command.options, o->graph);
  command.action = [o] { return run_opt(*o); };
  return command;
}

}  // namespace gannet
