#include "exec/plan.h"

#include "exec/plan_impl.h"

namespace gannet {

Plan::Plan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

std::span<const ProgramInput> Plan::inputs() const {
  return impl_->program.inputs;
}
TensorView Plan::input(const std::string& name) const {
  for (const ProgramInput& input : impl_->program.inputs)
    if (input.name == name) return impl_->input(input);
  return {};
}
TensorView Plan::input(InputSource source) const {
  for (const ProgramInput& input : impl_->program.inputs)
    if (input.source == source) return impl_->input(input);
  return {};
}
PlacedTensor Plan::hidden_on_device() {
  for (const ProgramInput& input : impl_->program.inputs) {
    if (input.source != InputSource::kHidden) continue;
    impl_->run_block.hidden_is_on_device();
    return impl_->program.slots[input.slot].tensor;
  }
  return {};
}

RecordingCounts Plan::recording_counts() const {
  return impl_->recorded ? impl_->recorded->counts() : RecordingCounts{};
}

std::span<std::byte> Plan::step_block() const {
  return impl_->run_block.step();
}
Place Plan::step_place() const {
  return {impl_->run_block.buffer(), impl_->run_block.step_offset()};
}

int Plan::output_index(const std::string& name) const {
  const std::vector<ProgramOutput>& outputs = impl_->program.outputs;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].name == name) return static_cast<int>(i);
  return -1;
}

PlacedTensor Plan::output_on_device(int index) const {
  if (index < 0) return {};
  const Slot& slot = impl_->program.slots[impl_->program.outputs[static_cast<size_t>(index)].slot];
  PlacedTensor tensor = slot.tensor;
  if (slot.home == Home::kArena) tensor.place.buffer = impl_->arena->at(0).buffer;
  return tensor;
}

TensorView Plan::output(const std::string& name) const {
  return output(output_index(name));
}
TensorView Plan::output(int index) const {
  if (index < 0) return {};
  Impl& p = *impl_;
  const PlacedTensor tensor = output_on_device(index);
  if (tensor.place.buffer != BufferId::kNone) return view_at(p.device().host_view(tensor.place), tensor);
  // In a state, whose memory changes from run to run; or nothing has run on the arena yet.
  const size_t slot = p.program.outputs[static_cast<size_t>(index)].slot;
  const bool seen =
      p.cpu.has_value() && p.arena->size() > 0 && p.device().host_view(p.arena->at(0)) != nullptr;
  return seen ? p.cpu->view(slot, p.arena->at(0)) : TensorView{};
}

Result<void> Plan::read_output(int index, int64_t first_row, int64_t n_rows, std::span<float> to) const {
  const PlacedTensor tensor = output_on_device(index);
  const TensorView layout = view_at(nullptr, tensor);
  const int64_t n = layout.shape.last();
  GANNET_CHECK(tensor.place.buffer != BufferId::kNone && layout.dtype == DType::kF32, "no such output");
  GANNET_CHECK(static_cast<int64_t>(to.size()) == n_rows * n, "the rows do not fit the memory");
  Device& device = impl_->device();
  Event last;
  const int64_t at_once = is_contiguous(layout) ? n_rows : 1;
  for (int64_t row = 0; row < n_rows; row += at_once) {
    const int64_t offset = layout.flat_row(first_row + row) - layout.data;
    const std::span<float> part = to.subspan(static_cast<size_t>(row * n), static_cast<size_t>(at_once * n));
    last = GANNET_TRY(device.download(tensor.place + offset, std::as_writable_bytes(part)));
  }
  return device.wait(last);
}

int64_t Plan::rows() const {
  return impl_->program.rows;
}

StepRows Plan::step_rows(int64_t live) const {
  StepRows rows;
  if (live < 0) live = impl_->program.rows;
  if (live == 0) return rows;
  rows.live = live;
  if (live <= kExactRows) rows.exact = live;
  return rows;
}

Result<void> Plan::run_steps(ThreadTeam& team, std::optional<StepRows> rows, int n_threads,
                             std::vector<double>* ends) {
  Impl& p = *impl_;
  StepRows these = rows.value_or(step_rows());
  if (p.program.rows > 0) these.step = p.program.rows;
  GANNET_TRY(p.arena->reserve(p.program.arena_bytes));
  GANNET_TRY(p.run_block.upload(these));
  if (p.recorded) return p.recorded->run(p.arena->at(0), ends);
  const int most = p.program.n_members;
  p.cpu->run(team, p.arena->at(0), these, n_threads > 0 && n_threads < most ? n_threads : most, ends);
  return {};
}

Result<void> Plan::run(ThreadTeam& team, std::optional<StepRows> rows, int n_threads) {
  return run_steps(team, rows, n_threads, nullptr);
}
Result<void> Plan::run_timed(ThreadTeam& team, std::vector<double>& ends, std::optional<StepRows> rows) {
  return run_steps(team, rows, 0, &ends);
}

bool Plan::walks_segments() const {
  const Program& program = impl_->program;
  for (const ProgramStep& step : program.steps)
    for (const auto& slots : {program.operands(step), program.results(step)})
      for (const Slot& slot : slots)
        if (slot.state >= 0 && (slot.home != Home::kState || step.op->decompose == nullptr)) return false;
  return true;
}

const Program& Plan::program() const {
  return impl_->program;
}
std::span<const std::string> Plan::taken_apart() const {
  return impl_->taken_apart;
}

}  // namespace gannet
