#include "exec/recorded_executor.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace gannet {
namespace {

// Counts what a device would be given.
struct Counter final : Recorder {
  RecordingCounts counts;
  bool dirty = false;  // there was a dispatch since the last barrier

  void dispatch(const Dispatch& d) override {
    if (std::ranges::count(d.groups, 0) > 0) return;
    ++counts.dispatches;
    dirty = true;
  }
  void barrier() override { counts.barriers += std::exchange(dirty, false) ? 1 : 0; }
  void mark() override {}
  Result<std::unique_ptr<Recording>> finish() override { return std::unique_ptr<Recording>(); }
};

}  // namespace

std::vector<size_t> barriers_before(const Program& program, const Waits& waits) {
  std::vector<size_t> before;
  size_t last = 0;
  for (size_t step = 0; step < program.steps.size(); ++step)
    if (std::ranges::any_of(waits[step], [&](size_t earlier) { return earlier >= last; })) {
      before.push_back(step);
      last = step;
    }
  return before;
}

Result<void> check_recorded_barriers(const Program& program, const std::vector<size_t>& before) {
  // Barriers between two steps: those in front of the later one, less those in front of the earlier.
  const auto up_to = [&](size_t step) { return std::ranges::upper_bound(before, step) - before.begin(); };
  std::vector<bool> needed(before.size(), false);
  for (const Hazard& hazard : hazards(program)) {
    const auto first = up_to(hazard.earlier), last = up_to(hazard.step);
    const auto name = [&](size_t step) {
      return fmt::format("step {} ({})", step, program.steps[step].op->name);
    };
    if (first == last)
      return Error(ErrorCode::kRuntime,
                   fmt::format("there is no barrier between {} and {}, which both touch {}",
                               name(hazard.earlier), name(hazard.step), to_text(program, hazard.range)));
    if (last - first == 1) needed[static_cast<size_t>(first)] = true;
  }
  for (size_t i = 0; i < before.size(); ++i)
    if (!needed[i])
      return Error(ErrorCode::kRuntime, fmt::format("the barrier in front of step {} ({}) is not needed",
                                                    before[i], program.steps[before[i]].op->name));
  return {};
}

RecordedExecutor::RecordedExecutor(const Program& program, Device& device, Place rows, Place step)
    : program_(program),
      device_(device),
      rows_(rows),
      step_(step),
      before_(barriers_before(program, waits_for(program))) {}

void RecordedExecutor::put(Recorder& recorder, bool timed) const {
  const auto view_of = [&](const Slot& slot) {
    std::byte* data = nullptr;
    if (slot.home == Home::kBuffer || slot.home == Home::kRun)
      data = device_.address(slot.tensor.place);
    else if (slot.home == Home::kArena)
      data = arena_ + slot.tensor.place.offset;
    else if (slot.home == Home::kState)
      data =
          static_cast<std::byte*>(const_cast<void*>(program_.states[static_cast<size_t>(slot.state)].view));
    else
      GANNET_CHECK(slot.home == Home::kNone, "a value that changes its place cannot be recorded");
    return view_at(data, slot.tensor);
  };
  if (timed) recorder.mark();
  size_t next = 0;
  std::vector<TensorView> operands, results;
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    const ProgramStep& step = program_.steps[i];
    if (next < before_.size() && before_[next] == i) {
      recorder.barrier();
      ++next;
    }
    operands.clear();
    results.clear();
    for (const Slot& slot : program_.operands(step)) operands.push_back(view_of(slot));
    for (const Slot& slot : program_.results(step)) results.push_back(view_of(slot));
    RecordArgs args;
    args.operands = operands.data();
    args.results = results.data();
    args.attrs = step.attrs.raw.data();
    args.workspace = arena_ + program_.workspace_offset;
    args.n_operands = static_cast<int>(operands.size());
    args.rows = device_.address(rows_);
    args.step = step_.buffer == BufferId::kNone ? nullptr : device_.address(step_);
    recorded_kernel(*step.kernel).record(args, recorder);
    if (timed) recorder.mark();
  }
}

Result<std::unique_ptr<Recording>> RecordedExecutor::record(bool timed) {
  const std::unique_ptr<Recorder> recorder = device_.record();
  GANNET_CHECK(recorder != nullptr, "a device that records nothing");
  put(*recorder, timed);
  return recorder->finish();
}

RecordingCounts RecordedExecutor::counts() const {
  Counter counter;
  put(counter, false);
  return counter.counts;
}

Result<void> RecordedExecutor::run(Place arena, std::vector<double>* ends) {
  if (std::byte* const address = device_.address(arena); address != arena_) {
    plain_.reset();
    timed_.reset();
    arena_ = address;
  }
  std::unique_ptr<Recording>& recording = ends == nullptr ? plain_ : timed_;
  if (recording == nullptr) recording = GANNET_TRY(record(ends != nullptr));
  const Event done = GANNET_TRY(recording->replay());
  GANNET_TRY(device_.wait(done));
  if (ends == nullptr) return {};
  const std::span<const double> marks = GANNET_TRY(recording->marks());
  ends->assign(program_.steps.size(), 0);
  for (size_t i = 0; i < std::min(ends->size(), marks.size()); ++i) (*ends)[i] = 1e9 * marks[i];
  return {};
}

}  // namespace gannet
