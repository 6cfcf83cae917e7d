// What a plan consists of; only for the files of this folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/api/state_view.h"
#include "exec/plan.h"

namespace gannet {

// Where a view's memory lies.
enum class Home : uint8_t {
  kFixed,       // view.data is an address
  kArena,       // view.data is an offset in the arena
  kMember,      // an offset in the arena, a copy per member
  kStateRead,   // an offset in what a recurrent state is read from
  kStateWrite,  // an offset in what it is written to
};

struct Slot {
  TensorView view;
  Home home = Home::kFixed;
  int64_t member_bytes = 0;              // kMember: distance of the copies
  const RecurrentView* state = nullptr;  // kStateRead, kStateWrite
};

struct Step {
  const KernelInfo* kernel = nullptr;
  size_t first_operand = 0, first_result = 0;  // indices into Impl::slots
  int n_operands = 0;
  const std::byte* attrs = nullptr;
  bool repeated = false;
};

// A piece of the arena that nobody needs after a step.
struct DeadBuffer {
  size_t step;
  int64_t offset, bytes;
};

// "avx2: ranked lower; reference: ..."
std::string refusal_text(std::span<const KernelCandidate> candidates);

struct Plan::Impl {
  std::string name;
  int n_threads = 1;
  std::shared_ptr<Arena> arena;
  int64_t arena_bytes = 0, activation_bytes = 0, unshared_bytes = 0;
  int64_t workspace_offset = 0;
  std::vector<AttrBytes> attrs;
  std::vector<Slot> slots;
  std::vector<Step> steps;
  std::vector<StepInfo> infos;
  struct Input {
    std::string name;
    InputSource source;
    size_t slot;
  };
  std::vector<Input> inputs;
  std::vector<std::pair<std::string, size_t>> outputs;  // slot indices
  std::vector<std::unique_ptr<std::byte[]>> input_memory;
  bool poison_dead = false;
  std::vector<DeadBuffer> dead;  // rising steps

  std::byte* bound_to = nullptr;               // arena address that `bound` holds
  std::vector<std::vector<TensorView>> bound;  // what kernels see; per member when there are kMember slots
  std::vector<size_t> state_slots;             // those that change with every run

  void bind();
};

}  // namespace gannet
