// Runs programs on the CPU: a team of threads walks the list of steps together, with a barrier behind each
// step that is not repeated. Here, and only here, places become addresses that the host follows.
#pragma once

#include <vector>

#include "backend/api/device.h"
#include "base/thread_team.h"
#include "exec/program.h"
#include "tensor/shape.h"

namespace gannet {

// A piece of the arena that nobody needs after a step.
struct DeadBuffer {
  size_t step;
  int64_t offset, bytes;
};

class CpuExecutor {
 public:
  // Both must outlive the executor. With `poison`, dead pieces of the arena are filled with 0xFF bytes (NaN)
  // behind their last step.
  CpuExecutor(const Program& program, Device& device, bool poison, std::vector<DeadBuffer> dead);

  // All steps, on members 0 .. n_members-1 of the team. `ends` (null: not wanted) gets when each step was
  // over, in nanoseconds from the start.
  void run(ThreadTeam& team, Place arena, const StepRows& rows, int n_members, std::vector<double>* ends);

  // Memory of a slot as the first member sees it; an address of the device.
  TensorView view(size_t slot, Place arena);

 private:
  struct Step {
    void (*run)(const KernelArgs& args, Worker& worker);
    const void* attrs;
    size_t first_operand, first_result;
    int n_operands;
    bool repeated;
  };
  void bind(Place arena);
  template <class F>
  void walk(Worker& worker, const StepRows& rows, F after) const;

  const Program& program_;
  Device& device_;
  const bool poison_;
  const std::vector<DeadBuffer> dead_;  // rising steps
  std::vector<Step> steps_;
  std::vector<size_t> state_slots_;  // those that change with every run

  std::byte* arena_ = nullptr;                  // what `views_` are for
  std::vector<std::vector<TensorView>> views_;  // per member when some have copies of their own, else one
};

}  // namespace gannet
