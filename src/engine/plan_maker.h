// From a model to a plan: the one place that builds a graph, compiles it and plans it, and tells what was
// done on the way and how long it took.
#pragma once

#include <memory>
#include <vector>

#include "backend/cpu/capabilities.h"
#include "engine/device_weights.h"
#include "engine/model.h"
#include "engine/placement.h"
#include "exec/plan.h"
#include "exec/step_block.h"
#include "model/graphs.h"
#include "passes/compile.h"

namespace gannet {

// The runs that a graph or a plan is for.
struct PlanRequest {
  GraphShape shape;
  bool mtp = false;    // the MTP block instead of the trunk
  int64_t n_past = 0;  // tokens in the context before the run
};

struct PlanReport {
  size_t declared_nodes = 0, compiled_nodes = 0;
  std::vector<PassReport> passes;  // empty for a naive graph
  int64_t n_kv = 0;                // rows of the KV caches that it looks at, see kv_rows(); 0: all there are
  double build_ms = 0, compile_ms = 0, plan_ms = 0;
};

struct MadeGraph {
  Graph graph;  // ready to be planned
  PlanReport report;
};

struct MadePlan {
  Plan plan;  // its constant inputs are filled
  PlanReport report;
};

// Rows of the KV caches in graphs whose attention was not fused, for a run that ends with n_tokens in the
// context. It grows in steps, so that such a graph serves more than one run.
int64_t kv_rows(int64_t n_tokens);

// `can`: what the device that it is for can. Errors: those of compile_graph().
Result<MadeGraph> make_graph(const Model& model, const PlanRequest& request, const GraphOptions& options,
                             const Capabilities& can = kCpuCapabilities);

// What a session has on a device.
struct DeviceHome {
  std::shared_ptr<Device> device;
  DeviceWeights weights;
  std::shared_ptr<Arena> arena;
  StepBlock step;  // of a device that replays recordings
};

// Parameters are bound to the model's weights, states to what `states` finds. The graph is compiled for the
// first home; with several, ops run where `placement` has their weights. Errors: those of compile_graph() and
// Plan::make().
Result<MadePlan> make_plan(const Model& model, std::span<const DeviceHome> homes, const Placement& placement,
                           const PlanRequest& request, const GraphOptions& options, PlanOptions plan_options,
                           const StateLookup& states);

}  // namespace gannet
