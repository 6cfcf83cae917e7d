#include "engine/plan_maker.h"

#include <chrono>

#include "ops/catalogue.h"
#include "ops/kv_read/kv_read.h"

namespace gannet {
namespace {

// Graphs with a fixed number of KV rows are made anew in steps of this many.
constexpr int64_t kKvStep = 256;

class Stopwatch {
 public:
  // Milliseconds since the last call.
  double lap() {
    const auto before = at_;
    at_ = std::chrono::steady_clock::now();
    return std::chrono::duration<double, std::milli>(at_ - before).count();
  }

 private:
  std::chrono::steady_clock::time_point at_ = std::chrono::steady_clock::now();
};

}  // namespace

int64_t kv_rows(int64_t n_tokens) {
  return (n_tokens + kKvStep - 1) / kKvStep * kKvStep;
}

Result<MadeGraph> make_graph(const Model& model, const PlanRequest& request, const GraphOptions& options,
                             const Capabilities& can) {
  const Hyperparameters& hp = model.hyperparameters();
  const int64_t n_kv = kv_rows(request.n_past + request.shape.n_tokens);
  Stopwatch watch;
  MadeGraph made;
  const Graph declared = GANNET_TRY(request.mtp ? build_mtp(hp, model.weights(), request.shape)
                                                : build_trunk(hp, model.weights(), request.shape));
  made.report.declared_nodes = declared.nodes.size();
  made.report.build_ms = watch.lap();
  GraphOptions for_this = options;
  for_this.passes.can = can;
  CompiledGraph compiled = GANNET_TRY(compile_graph(declared, for_this, n_kv, all_ops()));
  made.report.compile_ms = watch.lap();
  made.report.passes = std::move(compiled.passes);
  made.report.n_kv = compiled.fixed_kv ? n_kv : 0;
  made.report.compiled_nodes = compiled.graph.nodes.size();
  made.graph = std::move(compiled.graph);
  return made;
}

Result<MadePlan> make_plan(const Model& model, std::span<const DeviceHome> homes, const Placement& placement,
                           const PlanRequest& request, const GraphOptions& options, PlanOptions plan_options,
                           const StateLookup& states) {
  MadeGraph made = GANNET_TRY(make_graph(model, request, options, homes[0].device->capabilities()));
  Stopwatch watch;
  plan_options.decompose.n_kv = kv_rows(request.n_past + request.shape.n_tokens);
  std::vector<PlanHome> plan_homes;
  for (const DeviceHome& home : homes)
    plan_homes.push_back(
        {home.arena, home.device->kind() == DeviceKind::kCpu ? &all_kernels() : &recorded_kernels(),
         [&home](const std::string& name) { return home.weights.find(name); }, home.step.place()});
  // Hidden rows go from plan to plan on the session's device.
  static const std::vector<std::string> kOnFirst = {"hidden"};
  const auto home_of = [&](const Value& v) {
    return v.kind == ValueKind::kState ? placement.home_of_layer(v.name) : placement.home_of(v.name);
  };
  Plan plan = GANNET_TRY(Plan::make(made.graph, plan_homes, home_of, plan_options, states, kOnFirst));
  // Attention that was taken apart for the device.
  for (const StepInfo& step : plan.steps())
    if (step.op == &kOp_kv_read) made.report.n_kv = plan_options.decompose.n_kv;
  for (const ProgramInput& input : plan.inputs()) fill_constant_input(input.source, plan.input(input.name));
  made.report.plan_ms = watch.lap();
  return MadePlan{std::move(plan), std::move(made.report)};
}

}  // namespace gannet
