// What a plan consists of; only for the files of this folder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exec/cpu_executor.h"
#include "exec/plan.h"
#include "exec/recorded_executor.h"
#include "exec/run_block.h"

namespace gannet {

// "avx2: ranked lower; reference: ..."
std::string refusal_text(std::span<const KernelCandidate> candidates);

struct Plan::Impl {
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
};

}  // namespace gannet
