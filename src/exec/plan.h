// Plans: a graph made ready to run on a device. Kernels are chosen, every value has its place, parameters and
// states are bound. Running a plan walks a flat list of steps; it allocates nothing and looks nothing up.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/placed_tensor.h"
#include "backend/api/recorder.h"
#include "backend/api/registry.h"
#include "base/thread_team.h"
#include "exec/arena.h"
#include "exec/program.h"
#include "ir/graph.h"

namespace gannet {

struct PlanOptions {
  KernelPolicy policy;
  int n_threads = 1;  // largest team that will run the plan
  // What ops that no kernel of the device runs are taken apart with.
  DecomposeContext decompose;
  // The arena has room for the plan when it is made; otherwise when it first runs, so that a plan may be made
  // on one thread while another runs those that share the arena.
  bool reserve = true;
  // A test of the memory plan: after each step all buffers that died with it are filled with 0xFF bytes
  // (NaN), so that a step that reads a buffer too late shows.
  bool poison_dead = false;
};

// Where parameters and states come from. A param lookup gives a tensor of exactly the graph's type in a
// buffer of the device, which must outlive the plan; a state lookup the address of the KvView or
// RecurrentView. Both may return nothing (buffer kNone, null) for "no such name", which is an error of the
// plan.
using ParamLookup = std::function<PlacedTensor(const std::string& name)>;
using StateLookup = std::function<void*(const std::string& name)>;

// A device that plans run on: its scratch memory, its kernels, and what lies there.
struct PlanHome {
  std::shared_ptr<Arena> arena;
  const KernelRegistry* kernels = nullptr;
  ParamLookup params;
  Place step;  // what kernels of devices that replay recordings know about it (exec/step_block.h)
};

// On which of several homes a parameter or state lies. Small parameters may lie on all of them.
inline constexpr size_t kAnyHome = ~size_t{0};
using HomeOf = std::function<size_t(const Value& param_or_state)>;

// The layer of the model that a parameter or state belongs to, by its name: 12 for "blk.12.attn_q.weight" and
// for "delta.12"; -1 for names without such a number.
int layer_of(std::string_view name);

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
  // Waits of all threads for each other: inside the kernel, and the one behind the step. Of a recording:
  // whether there is a barrier in front of the step.
  int barriers;
};

class Plan {
 public:
  // The plan is for the device of the arena. Ops that no kernel there runs are taken apart. Errors: kRuntime
  // when a parameter or state is missing or no kernel accepts a primitive (names it and each refusal),
  // kOutOfMemory.
  static Result<Plan> make(const Graph& graph, const KernelRegistry& kernels, const PlanOptions& options,
                           const ParamLookup& params, const StateLookup& states,
                           std::shared_ptr<Arena> arena);
  // For several devices: every op runs where its parameters and states lie, others where their first operand
  // was made; what crosses a border is copied there (split.h). Outputs named in `on_first` can be asked for
  // by output_on_device(), on the first device. Errors: the same, and kUsage when an op that cannot be taken
  // apart has parameters on two devices (names them).
  static Result<Plan> make(const Graph& graph, std::span<const PlanHome> homes, const HomeOf& home_of,
                           const PlanOptions& options, const StateLookup& states,
                           std::span<const std::string> on_first);
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;
  ~Plan();

  // Inputs, contiguous, in memory of the host, to be written before a run; they keep their place for the life
  // of the plan. Data is null when there is no such one. (Where a plan runs on several devices, slots are
  // those of the part that reads it first.)
  std::span<const ProgramInput> inputs() const;
  TensorView input(const std::string& name) const;
  TensorView input(InputSource source) const;  // the first of this source
  // The place of InputSource::kHidden on the device, for rows of another plan that are copied there
  // (Device::copy) before each run. From then on the host's memory of it is not looked at. Buffer kNone: the
  // plan has no such input.
  PlacedTensor hidden_on_device();
  // Outputs by their place in the list (-1: no such name). They are valid from run() to the next run of any
  // plan on the same arena.
  int output_index(const std::string& name) const;
  PlacedTensor output_on_device(int index) const;  // buffer kNone: in the memory of a state
  Device& output_device(int index) const;          // the one that the place is of
  // Memory of the host; data null for -1, before the first run, and where the host does not see the device's
  // memory.
  TensorView output(int index) const;
  TensorView output(const std::string& name) const;
  // Copies rows [first_row, first_row + n_rows) of an output, whatever the device; `to` takes exactly these.
  // Errors: those of Device::download.
  Result<void> read_output(int index, int64_t first_row, int64_t n_rows, std::span<std::byte> to) const;

  // Rows of the step that the plan is for, by its inputs; 0: they do not tell.
  int64_t rows() const;
  // How rows are taken when `live` of them are in use (negative: all): steps of up to kExactRows are exact.
  StepRows step_rows(int64_t live = -1) const;

  // Brings the inputs to the device and runs all steps, on the CPU on members 0 .. n_threads-1 of the team
  // (0: PlanOptions::n_threads). The arena grows when this plan needs more of it than others before. Errors:
  // kDevice, kOutOfMemory.
  Result<void> run(ThreadTeam& team, std::optional<StepRows> rows = {}, int n_threads = 0);

  // The same, and when each step was over, in nanoseconds from the start; `ends` gets one entry per step.
  Result<void> run_timed(ThreadTeam& team, std::vector<double>& ends, std::optional<StepRows> rows = {});

  // Whether a run may be of several sequences: only ops that are made of others touch states, and they walk
  // the segments of a step; their parts know one sequence.
  bool walks_segments() const;

  // The steps with their places, for other executors and for tests: those of each device that it is for, in
  // the order in which they run. They live as long as the plan.
  size_t n_parts() const;
  const Program& program(size_t part = 0) const;
  // Ops of the graph that had to be taken apart for this device.
  std::vector<std::string> taken_apart() const;

  // Of the plan's recording, on a device that replays them; zero elsewhere.
  RecordingCounts recording_counts() const;

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
  struct Impl;
  static Result<Plan> whole(const Graph& graph, const PlanHome& home, const PlanOptions& options,
                            const StateLookup& states);
  explicit Plan(std::unique_ptr<Impl> impl);
  Result<void> run_steps(ThreadTeam& team, std::optional<StepRows> rows, int n_threads,
                         std::vector<double>* ends);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gannet
