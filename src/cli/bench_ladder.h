// `gannet bench --passes-ladder`: what each pass of the graph compiler brings. A ladder is a test measured on
// the naive graph and then with the pipeline cut behind one pass after the other.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli/bench_report.h"
#include "cli/bench_tests.h"
#include "passes/pipeline.h"

namespace gannet {

struct LadderStep {
  std::string pass;
  int first_n;  // PipelineOptions::first_n
};

// The passes that changed one of the graphs. `compiled`: the reports of the same pipeline for each graph.
std::vector<LadderStep> ladder_steps(std::span<const std::vector<PassReport>> compiled);

// Each test on the naive graph, and behind it the rungs of its ladder. `off`: passes that are switched off.
Result<std::vector<BenchTest>> make_ladder(const std::vector<BenchTest>& tests,
                                           std::span<const std::shared_ptr<const Model>> models,
                                           const std::vector<std::string>& off);

// Prints rungs in the order of make_ladder. `format`: md, json or jsonl. Errors: kUsage naming `flag`.
Result<std::unique_ptr<BenchPrinter>> make_ladder_printer(const std::string& flag, const std::string& format,
                                                          const BenchColumns& columns);

}  // namespace gannet
