// Plans: a graph made ready to run. Kernels are chosen, every value has its place in one arena, parameters
// and states are bound. Running a plan walks a flat list of steps; it allocates nothing and looks nothing up.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/api/registry.h"
#include "base/thread_team.h"
#include "exec/arena.h"
#include "ir/graph.h"

namespace gannet {

struct PlanOptions {
  KernelPolicy policy;
  int n_threads = 1;  // largest team that will run the plan
  // A test of the memory plan: after each step all buffers that died with it are filled with 0xFF bytes
  // (NaN), so that a step that reads a buffer too late shows.
  bool poison_dead = false;
};

// Where parameters and states come from. A param lookup gives a view of exactly the graph's type; a state
// lookup the address of the KvView or RecurrentView. Both may return null data for "no such name", which is
// an error of the plan.
using ParamLookup = std::function<TensorView(const std::string& name)>;
using StateLookup = std::function<void*(const std::string& name)>;

// One step as it was planned. Everything here is for people and programs that look; running does not use it.
struct StepInfo {
  const OpDef* op;
  const KernelInfo* kernel;
  std::vector<TensorType> results;
  std::vector<KernelCandidate> others;  // kernels that were not taken, best first
  int layer;       // of the model, from the names of parameters and states; -1 before the first
  Cost cost;       // of a run that starts with an empty context, see OpDef::cost
  int64_t offset;  // of the first result in the arena; -1: not in the arena
  int64_t bytes;   // of all results
  // Every thread computes all of it into memory of its own, so nobody waits after the step.
  bool repeated;
  int barriers;  // waits of all threads for each other: inside the kernel, and the one behind the step
};

class Plan {
 public:
  // Errors: kRuntime when a parameter or state is missing or no kernel accepts a node (names the node and
  // each refusal).
  static Result<Plan> make(const Graph& graph, const KernelRegistry& kernels, const PlanOptions& options,
                           const ParamLookup& params, const StateLookup& states,
                           std::shared_ptr<Arena> arena);
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;
  ~Plan();

  // Memory of an input or output. Inputs are contiguous and keep their place for the life of the plan;
  // an output is valid from run() to the next run of any plan on the same arena. Data is null when there is
  // no such one.
  TensorView input(const std::string& name) const;
  TensorView input(InputSource source) const;  // the first of this source
  TensorView output(const std::string& name) const;
  // The same without looking at names, for the token loop: the place of an output (-1: no such name), then
  // its memory (data null for -1).
  int output_index(const std::string& name) const;
  TensorView output(int index) const;

  // Runs all steps on members 0 .. n_threads-1 of the team (0: PlanOptions::n_threads).
  void run(ThreadTeam& team, int n_threads = 0);

  // The same, and when each step was over, in nanoseconds from the start; `ends` gets one entry per step.
  void run_timed(ThreadTeam& team, std::vector<double>& ends);

  const std::string& name() const;
  std::span<const StepInfo> steps() const;
  int barriers() const;              // of one run, all steps together
  Cost cost() const;                 // the same, all steps together
  int64_t arena_bytes() const;       // activations and workspace
  int64_t activation_bytes() const;  // the most activations that live at once, as they are placed
  int64_t unshared_bytes() const;    // activations if every value had memory of its own

  // Why the kernels of step i that were not taken were not: "avx2: ranked lower; ...".
  std::string refusals(size_t step) const;

  // All of it as text: a line of totals, then the steps (of one layer, when `layer` >= 0).
  std::string explain(int layer = -1) const;

 private:
  friend class Planner;
  struct Impl;
  explicit Plan(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gannet
