#include "passes/pipeline.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/core.h>

#include "ops/kv_read/kv_read.h"
#include "passes/pattern.h"

namespace gannet {
namespace {

Result<std::vector<PassReport>> run(Graph& graph, const std::vector<const Pass*>& passes,
                                    const PipelineOptions& options, OpCatalogue ops) {
  std::vector<PassReport> reports;
  std::vector<std::unique_ptr<PatternCache>> patterns;
  patterns.reserve(passes.size());
  OpParts parts;
  int64_t n_kv = 1;
  for (const Node& node : graph.nodes)
    if (node.op == &kOp_kv_read) n_kv = attrs_of<KvReadAttrs>(node).n_kv;
  for (size_t i = 0; i < passes.size(); ++i)
    patterns.push_back(std::make_unique<PatternCache>(
        ops, parts, options.can, n_kv, std::span(passes.data(), i), std::span(patterns.data(), i)));
  std::optional<GraphEdit> edit;
  for (size_t i = 0; i < passes.size(); ++i) {
    PassReport report{passes[i], 0, 0, graph.nodes.size(), 0};
    const auto started = std::chrono::steady_clock::now();
    PassContext context{ops, *patterns[i], options.can};
    if (!edit) edit.emplace(graph);
    passes[i]->run(*edit, context);
    report.changes = edit->changes();
    if (report.changes != 0) {
      edit->finish();
      edit.reset();
    }
    report.microseconds =
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - started).count();
    report.nodes_after = graph.nodes.size();
    if (options.verify_each) {
      const auto verified = verify_graph(graph);
      if (!verified.ok())
        return Error(ErrorCode::kRuntime,
                     fmt::format("after pass {}: {}", passes[i]->name, verified.error().message()));
    }
    if (options.observer) options.observer(report, graph);
    reports.push_back(report);
  }
  return reports;
}

bool contains(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

const Pass* find_pass(std::string_view name) {
  for (const Pass* pass : all_passes())
    if (name == pass->name) return pass;
  return nullptr;
}

Result<void> check_pass_names(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (find_pass(name) != nullptr) continue;
    std::string known;
    for (const Pass* pass : all_passes()) known += fmt::format("{}{}", known.empty() ? "" : ", ", pass->name);
    return Error(ErrorCode::kUsage, fmt::format("there is no pass \"{}\"; the passes are {}", name, known));
  }
  return {};
}

Result<std::vector<PassReport>> run_passes(Graph& graph, const PipelineOptions& options, OpCatalogue ops) {
  GANNET_TRY(check_pass_names(options.off));
  std::vector<const Pass*> passes;
  for (const Pass* pass : all_passes()) {
    const bool counted = options.first_n < 0 || static_cast<int>(passes.size()) < options.first_n;
    if (counted && !contains(options.off, pass->name)) passes.push_back(pass);
  }
  return run(graph, passes, options, ops);
}

Result<std::vector<PassReport>> run_passes(Graph& graph, const std::vector<std::string>& only,
                                           const PipelineOptions& options, OpCatalogue ops) {
  GANNET_TRY(check_pass_names(only));
  std::vector<const Pass*> passes;
  for (const Pass* pass : all_passes())
    if (contains(only, pass->name)) passes.push_back(pass);
  return run(graph, passes, options, ops);
}

}  // namespace gannet
