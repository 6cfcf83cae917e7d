#include "exec/cpu_executor.h"

#include <chrono>
#include <cstring>

#include "backend/api/state_view.h"

namespace gannet {

CpuExecutor::CpuExecutor(const Program& program, Device& device, bool poison, std::vector<DeadBuffer> dead)
    : program_(program), device_(device), poison_(poison), dead_(std::move(dead)) {
  bool copies = false;
  for (size_t i = 0; i < program.slots.size(); ++i) {
    const Home home = program.slots[i].home;
    copies = copies || home == Home::kMember;
    if (home == Home::kStateRead || home == Home::kStateWrite) state_slots_.push_back(i);
  }
  views_.resize(copies ? static_cast<size_t>(program.n_members) : 1);
  for (const ProgramStep& step : program.steps)
    steps_.push_back({step.kernel->cpu().run, step.attrs.raw.data(), step.first_operand, step.first_result,
                      static_cast<int>(step.n_operands), step.repeated});
}

void CpuExecutor::bind(Place arena) {
  std::byte* const arena_address = device_.address(arena);
  if (arena_ != arena_address || views_[0].empty()) {
    arena_ = arena_address;
    for (size_t member = 0; member < views_.size(); ++member) {
      views_[member].clear();
      for (const Slot& slot : program_.slots) {
        std::byte* data = nullptr;
        if (slot.home == Home::kBuffer || slot.home == Home::kRun)
          data = device_.address(slot.tensor.place);
        else if (slot.home == Home::kArena || slot.home == Home::kMember)
          data = arena_ + slot.tensor.place.offset + static_cast<int64_t>(member) * slot.member_bytes;
        else if (slot.home == Home::kState)
          data = static_cast<std::byte*>(
              const_cast<void*>(program_.states[static_cast<size_t>(slot.state)].view));
        views_[member].push_back(view_at(data, slot.tensor));
      }
    }
  }
  for (const size_t i : state_slots_) {
    const Slot& slot = program_.slots[i];
    const auto& state =
        *static_cast<const RecurrentView*>(program_.states[static_cast<size_t>(slot.state)].view);
    const StepSegment& segment = state.step->segments[0];
    const float* base = slot.home == Home::kStateRead ? state.base(segment) : state.next_base(segment);
    auto* address = reinterpret_cast<std::byte*>(const_cast<float*>(base)) + slot.tensor.place.offset;
    for (std::vector<TensorView>& views : views_) views[i].data = address;
  }
}

TensorView CpuExecutor::view(size_t slot, Place arena) {
  bind(arena);
  return views_[0][slot];
}

// All steps on one member; `after(i)` is called when step i is done (by this member, if it was a repeated
// one).
template <class F>
void CpuExecutor::walk(Worker& worker, const StepRows& rows, F after) const {
  std::byte* workspace = arena_ + program_.workspace_offset;
  const std::vector<TensorView>& views = views_[views_.size() == 1 ? 0 : static_cast<size_t>(worker.index())];
  const size_t n_steps = steps_.size();
  for (size_t i = 0; i < n_steps; ++i) {
    const Step& step = steps_[i];
    const KernelArgs args{views.data() + step.first_operand,
                          views.data() + step.first_result,
                          step.attrs,
                          workspace,
                          step.n_operands,
                          rows};
    if (step.repeated) {
      Worker alone = Worker::alone();
      step.run(args, alone);
    } else {
      step.run(args, worker);
      if (i + 1 < n_steps) worker.reset_claims();  // the end of the run waits for all members anyway
    }
    after(i);
  }
}

void CpuExecutor::run(ThreadTeam& team, Place arena, const StepRows& rows, int n_members,
                      std::vector<double>* ends) {
  bind(arena);
  device_.begin_kernels();
  if (ends != nullptr) {
    ends->resize(steps_.size());
    const auto started = std::chrono::steady_clock::now();
    const auto now = [&] {
      return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - started).count();
    };
    auto work = [&](Worker& worker) {
      walk(worker, rows, [&](size_t step) {
        if (worker.index() == 0) (*ends)[step] = now();
      });
    };
    team.run(work, n_members);
    if (!ends->empty()) ends->back() = now();
  } else if (poison_) {
    auto work = [&](Worker& worker) {
      size_t next = 0;
      walk(worker, rows, [&](size_t step) {
        // Behind the last step nobody has waited for the others yet.
        if (steps_[step].repeated || step + 1 == steps_.size()) return;
        for (; next < dead_.size() && dead_[next].step <= step; ++next)
          if (worker.index() == 0)
            std::memset(arena_ + dead_[next].offset, 0xFF, static_cast<size_t>(dead_[next].bytes));
        worker.barrier();
      });
    };
    team.run(work, n_members);
  } else {
    auto work = [&](Worker& worker) { walk(worker, rows, [](size_t) {}); };
    team.run(work, n_members);
  }
  device_.end_kernels();
}

}  // namespace gannet
