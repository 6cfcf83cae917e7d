// What a plan consists of; only for the files of this folder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exec/borders.h"
#include "exec/cpu_executor.h"
#include "exec/plan.h"
#include "exec/recorded_executor.h"
#include "exec/run_block.h"

namespace gannet {

// "avx2: ranked lower; reference: ..."
std::string refusal_text(std::span<const KernelCandidate> candidates);

// Steps that one device runs in a row. Stays where it is: executors look at it.
struct PlanPart {
  std::shared_ptr<Arena> arena;
  Program program;
  RunBlock run_block;
  std::vector<StepInfo> infos;
  std::vector<std::string> taken_apart;
  int64_t activation_bytes = 0, unshared_bytes = 0;
  // One of them, by the kind of the device.
  std::optional<CpuExecutor> cpu;
  std::optional<RecordedExecutor> recorded;

  Device& device() const { return *arena->device(); }
  TensorView input(const ProgramInput& input) const {
    const PlacedTensor& tensor = program.slots[input.slot].tensor;
    return view_at(run_block.host(tensor.place.offset), tensor);
  }
  int output_index(const std::string& name) const;
  PlacedTensor output(int index) const;  // on its device; buffer kNone: in the memory of a state
  // Errors: those of Plan::run().
  Result<void> run(ThreadTeam& team, StepRows rows, int n_threads, std::vector<double>* ends);
};

// Of the step that a graph is for, by one of its values; 0: it does not tell.
inline int64_t rows_of(const Value& v) {
  const bool by_row = v.source == InputSource::kTokens || v.source == InputSource::kPositions ||
                      v.source == InputSource::kHidden;
  return v.kind == ValueKind::kInput && by_row ? v.type.shape.dim[0] : 0;
}

// The kernels, places and steps of a graph for one device (planner.cpp). Errors: those of Plan::make().
Result<std::unique_ptr<PlanPart>> plan_part(const Graph& graph, const PlanHome& home,
                                            const PlanOptions& options, const StateLookup& states);

struct Plan::Impl {
  std::string name;
  std::vector<std::unique_ptr<PlanPart>> parts;  // in the order in which they run
  std::vector<StepInfo> infos;                   // of all of them
  std::vector<ProgramInput> inputs;
  std::vector<size_t> input_parts;  // which reads it first
  std::vector<std::string> outputs;
  std::vector<size_t> output_parts;  // which makes it
  std::vector<int> output_borders;   // that it crosses; -1: it lies where it was made
  Borders borders;                   // none if there is one part

  void add(std::unique_ptr<PlanPart> part);
  void share_inputs();
};

}  // namespace gannet
