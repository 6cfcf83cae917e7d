#include "cli/graph_options.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/bench_ranges.h"
#include "cli/say.h"

namespace gannet {

void add_graph_options(Options& options, GraphFlags& flags) {
  options.push_back({.names = "--graph",
                     .value = "GRAPH",
                     .help = "Graph to run: optimized, or naive (the published definition as it is)",
                     .target = &flags.graph,
                     .choices = {"optimized", "naive"}});
  add_passes_option(options, flags);
}

void add_passes_option(Options& options, GraphFlags& flags) {
  options.push_back({.names = "--passes",
                     .value = "-NAME,...",
                     .help = "Switch passes off: --passes=-NAME,-NAME (`gannet opt --list` tells the names)",
                     .target = &flags.passes});
}

void add_bisect_options(Options& options, GraphFlags& flags) {
  options.push_back(
      {.names = "--verify-each", .help = "Check the graph after each pass", .target = &flags.verify_each});
  options.push_back({.names = "--print-changed",
                     .help = "Print the graph to stderr after each pass that changed it",
                     .target = &flags.print_changed});
  options.push_back({.names = "--bisect",
                     .value = "N",
                     .help = "Run only the first N passes; says which was the last",
                     .target = &flags.bisect,
                     .at_least = 0,
                     .shown_default = "all"});
}

Result<bool> is_naive_graph(const std::string& name) {
  if (name == "naive" || name == "optimized") return name == "naive";
  return Error(ErrorCode::kUsage,
               fmt::format("--graph {}: there is no such graph (naive, optimized are)", name));
}

Result<std::vector<std::string>> switched_off_passes(const std::vector<std::string>& values) {
  std::vector<std::string> names;
  for (const std::string& word : split_bench_words(values)) {
    if (word[0] != '-')
      return Error(
          ErrorCode::kUsage,
          fmt::format("--passes {}: passes are switched off with a minus: --passes=-{}", word, word));
    names.push_back(word.substr(1));
  }
  auto checked = check_pass_names(names);
  if (!checked.ok()) return checked.take_error().with_context("--passes");
  return names;
}

Result<GraphOptions> graph_options(const GraphFlags& flags) {
  GraphOptions options;
  options.naive = GANNET_TRY(is_naive_graph(flags.graph));
  options.passes.off = GANNET_TRY(switched_off_passes(flags.passes));
  options.passes.verify_each = flags.verify_each;
  const size_t n_passes = pass_names(options.passes).size();
  if (flags.bisect >= 0 && static_cast<size_t>(flags.bisect) > n_passes)
    return Error(ErrorCode::kUsage,
                 fmt::format("--bisect {}: there are only {} passes", flags.bisect, n_passes));
  options.passes.first_n = flags.bisect;
  if (flags.print_changed)
    options.passes.observer = [](const PassReport& report, const Graph& graph) {
      if (report.changes > 0)
        put_stderr(fmt::format("# after {}\n{}", pass_report_line(report), print_graph(graph)));
    };
  return options;
}

std::vector<std::string> pass_names(const PipelineOptions& options) {
  std::vector<std::string> names;
  for (const Pass* pass : all_passes()) {
    const bool counted = options.first_n < 0 || static_cast<int>(names.size()) < options.first_n;
    if (counted && std::ranges::find(options.off, pass->name) == options.off.end())
      names.emplace_back(pass->name);
  }
  return names;
}

void say_bisect(const GraphOptions& options) {
  if (options.naive || options.passes.first_n < 0) return;
  const std::vector<std::string> names = pass_names(options.passes);
  PipelineOptions uncut = options.passes;
  uncut.first_n = -1;
  if (names.empty())
    say("no pass of {} runs", pass_names(uncut).size());
  else
    say("pass {} of {} is the last: {}", names.size(), pass_names(uncut).size(), names.back());
}

std::string pass_report_line(const PassReport& r) {
  return fmt::format("{}: changes {}, nodes {} -> {}, {:.1f} us", r.pass->name, r.changes, r.nodes_before,
                     r.nodes_after, r.microseconds);
}

}  // namespace gannet
