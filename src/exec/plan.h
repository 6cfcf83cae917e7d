// Plans: a graph made ready to run. Kernels are chosen, every value has its place in one arena, parameters
// and states are bound. Running a plan walks a flat list of steps; it allocates nothing and looks nothing up.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/api/registry.h"
#include "base/thread_team.h"
#include "ir/graph.h"

namespace gannet {

// Scratch memory shared by all plans of a session, grown to what the largest needs. Plans that share an arena
// must not run at the same time, and outputs live only until the next plan runs.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();
  // Errors: kOutOfMemory with the size.
  Result<void> reserve(int64_t bytes);
  std::byte* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

struct PlanOptions {
  KernelPolicy policy;
  int n_threads = 1;  // largest team that will run the plan
};

// Where parameters and states come from. A param lookup gives a view of exactly the graph's type; a state
// lookup the address of the KvView or RecurrentView. Both may return null data for "no such name", which is
// an error of the plan.
using ParamLookup = std::function<TensorView(const std::string& name)>;
using StateLookup = std::function<void*(const std::string& name)>;

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

  // Memory of a named input or output. Inputs are contiguous and keep their place for the life of the plan;
  // an output is valid from run() to the next run of any plan on the same arena.
  TensorView input(const std::string& name) const;
  TensorView output(const std::string& name) const;

  // Runs all steps on members 0 .. n_threads-1 of the team (0: PlanOptions::n_threads).
  void run(ThreadTeam& team, int n_threads = 0);

  // One line per step: kernel, result type, bytes, and why other kernels were refused.
  std::string explain() const;

  int64_t arena_bytes() const;
  size_t n_steps() const;
  // Work of all steps together.
  Cost cost() const;

 private:
  struct Impl;
  explicit Plan(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gannet
