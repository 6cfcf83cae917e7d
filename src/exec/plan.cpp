#include "exec/plan.h"

#include <algorithm>
#include <chrono>

#include "exec/plan_impl.h"
#include "exec/split.h"

namespace gannet {

Plan::Plan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

void Plan::Impl::add(std::unique_ptr<PlanPart> part) {
  for (const ProgramInput& input : part->program.inputs) {
    if (std::ranges::any_of(inputs, [&](const ProgramInput& known) { return known.name == input.name; }))
      continue;
    inputs.push_back(input);
    input_parts.push_back(parts.size());
  }
  infos.insert(infos.end(), part->infos.begin(), part->infos.end());
  parts.push_back(std::move(part));
}

Result<Plan> Plan::make(const Graph& graph, const KernelRegistry& kernels, const PlanOptions& options,
                        const ParamLookup& params, const StateLookup& states, std::shared_ptr<Arena> arena) {
  return whole(graph, {std::move(arena), &kernels, params, {}}, options, states);
}

Result<Plan> Plan::whole(const Graph& graph, const PlanHome& home, const PlanOptions& options,
                         const StateLookup& states) {
  auto impl = std::make_unique<Impl>();
  impl->name = graph.name;
  impl->add(GANNET_TRY(plan_part(graph, home, options, states)));
  for (const GraphOutput& output : graph.outputs) {
    impl->outputs.push_back(output.name);
    impl->output_parts.push_back(0);
  }
  impl->output_borders.resize(impl->outputs.size(), -1);
  return Plan(std::move(impl));
}

Result<Plan> Plan::make(const Graph& graph, std::span<const PlanHome> homes, const HomeOf& home_of,
                        const PlanOptions& options, const StateLookup& states,
                        std::span<const std::string> on_first) {
  if (homes.size() == 1) return whole(graph, homes[0], options, states);
  SplitGraph split = GANNET_TRY(split_graph(graph, home_of, options.decompose, on_first));
  auto impl = std::make_unique<Impl>();
  impl->name = graph.name;
  impl->borders = GANNET_TRY(Borders::make(split, homes));
  int64_t rows = 0;
  for (const Value& v : graph.values) rows = std::max(rows, rows_of(v));
  for (const GraphPiece& piece : split.pieces) {
    PlanHome home = homes[piece.home];
    home.params = [&](const std::string& name) {
      const PlacedTensor border = impl->borders.find(name, piece.home);
      return border.place.buffer != BufferId::kNone ? border : homes[piece.home].params(name);
    };
    impl->add(GANNET_TRY(plan_part(piece.graph, home, options, states)));
    impl->parts.back()->program.rows = rows;
  }
  impl->borders.bind(split, impl->parts);
  for (const GraphOutput& output : graph.outputs) impl->outputs.push_back(output.name);
  impl->output_parts = std::move(split.output_pieces);
  impl->output_borders = std::move(split.output_borders);
  return Plan(std::move(impl));
}

size_t Plan::n_parts() const {
  return impl_->parts.size();
}

std::span<const ProgramInput> Plan::inputs() const {
  return impl_->inputs;
}
TensorView Plan::input(const std::string& name) const {
  for (size_t i = 0; i < impl_->inputs.size(); ++i)
    if (impl_->inputs[i].name == name) return impl_->parts[impl_->input_parts[i]]->input(impl_->inputs[i]);
  return {};
}
TensorView Plan::input(InputSource source) const {
  for (const ProgramInput& input : impl_->inputs)
    if (input.source == source) return this->input(input.name);
  return {};
}
PlacedTensor Plan::hidden_on_device() {
  if (impl_->borders.given() >= 0) return impl_->borders.at(static_cast<size_t>(impl_->borders.given()), 0);
  for (const ProgramInput& input : impl_->inputs) {
    if (input.source != InputSource::kHidden) continue;
    PlanPart& part = *impl_->parts[0];
    part.run_block.hidden_is_on_device();
    return part.program.slots[input.slot].tensor;
  }
  return {};
}

RecordingCounts Plan::recording_counts() const {
  RecordingCounts sum;
  for (const auto& part : impl_->parts) {
    if (!part->recorded) continue;
    const RecordingCounts counts = part->recorded->counts();
    sum.dispatches += counts.dispatches;
    sum.barriers += counts.barriers;
  }
  return sum;
}

int PlanPart::output_index(const std::string& name) const {
  for (size_t i = 0; i < program.outputs.size(); ++i)
    if (program.outputs[i].name == name) return static_cast<int>(i);
  return -1;
}
PlacedTensor PlanPart::output(int index) const {
  const Slot& slot = program.slots[program.outputs[static_cast<size_t>(index)].slot];
  PlacedTensor tensor = slot.tensor;
  if (slot.home == Home::kArena) tensor.place.buffer = arena->at(0).buffer;
  return tensor;
}

int Plan::output_index(const std::string& name) const {
  for (size_t i = 0; i < impl_->outputs.size(); ++i)
    if (impl_->outputs[i] == name) return static_cast<int>(i);
  return -1;
}

PlacedTensor Plan::output_on_device(int index) const {
  if (index < 0) return {};
  const auto i = static_cast<size_t>(index);
  if (const int border = impl_->output_borders[i]; border >= 0)
    return impl_->borders.at(static_cast<size_t>(border), 0);
  const PlanPart& part = *impl_->parts[impl_->output_parts[i]];
  return part.output(part.output_index(impl_->outputs[i]));
}
Device& Plan::output_device(int index) const {
  const auto i = static_cast<size_t>(index);
  return impl_->output_borders[i] >= 0 ? impl_->borders.device(0)
                                       : impl_->parts[impl_->output_parts[i]]->device();
}

TensorView Plan::output(const std::string& name) const {
  return output(output_index(name));
}
TensorView Plan::output(int index) const {
  if (index < 0) return {};
  const PlacedTensor tensor = output_on_device(index);
  if (tensor.place.buffer != BufferId::kNone)
    return view_at(output_device(index).host_view(tensor.place), tensor);
  // In a state, whose memory changes from run to run; or nothing has run on the arena yet.
  PlanPart& p = *impl_->parts[impl_->output_parts[static_cast<size_t>(index)]];
  const int own = p.output_index(impl_->outputs[static_cast<size_t>(index)]);
  const size_t slot = p.program.outputs[static_cast<size_t>(own)].slot;
  const bool seen =
      p.cpu.has_value() && p.arena->size() > 0 && p.device().host_view(p.arena->at(0)) != nullptr;
  return seen ? p.cpu->view(slot, p.arena->at(0)) : TensorView{};
}

Result<void> Plan::read_output(int index, int64_t first_row, int64_t n_rows, std::span<std::byte> to) const {
  const PlacedTensor tensor = output_on_device(index);
  const TensorView layout = view_at(nullptr, tensor);
  const int64_t bytes = row_bytes(layout.dtype, layout.shape.last());
  GANNET_CHECK(tensor.place.buffer != BufferId::kNone, "no such output");
  GANNET_CHECK(static_cast<int64_t>(to.size()) == n_rows * bytes, "the rows do not fit the memory");
  Device& device = output_device(index);
  Event last;
  const int64_t at_once = is_contiguous(layout) ? n_rows : 1;
  for (int64_t row = 0; row < n_rows; row += at_once) {
    const int64_t offset = layout.flat_row(first_row + row) - layout.data;
    const auto part = to.subspan(static_cast<size_t>(row * bytes), static_cast<size_t>(at_once * bytes));
    last = GANNET_TRY(device.download(tensor.place + offset, part));
  }
  return device.wait(last);
}

int64_t Plan::rows() const {
  return impl_->parts[0]->program.rows;
}

StepRows Plan::step_rows(int64_t live) const {
  StepRows rows;
  if (live < 0) live = impl_->parts[0]->program.rows;
  if (live == 0) return rows;
  rows.live = live;
  if (live <= kExactRows) rows.exact = live;
  return rows;
}

Result<void> PlanPart::run(ThreadTeam& team, StepRows rows, int n_threads, std::vector<double>* ends) {
  GANNET_TRY(arena->reserve(program.arena_bytes));
  GANNET_TRY(run_block.upload(rows));
  if (recorded) return recorded->run(arena->at(0), ends);
  const int most = program.n_members;
  cpu->run(team, arena->at(0), rows, n_threads > 0 && n_threads < most ? n_threads : most, ends);
  return {};
}

// What more than one part reads.
void Plan::Impl::share_inputs() {
  for (size_t i = 0; i < inputs.size(); ++i)
    for (size_t p = input_parts[i] + 1; p < parts.size(); ++p)
      for (const ProgramInput& other : parts[p]->program.inputs) {
        if (other.name != inputs[i].name) continue;
        const TensorView from = parts[input_parts[i]]->input(inputs[i]);
        std::copy_n(from.data, type_bytes({from.dtype, from.shape}), parts[p]->input(other).data);
      }
}

Result<void> Plan::run_steps(ThreadTeam& team, std::optional<StepRows> rows, int n_threads,
                             std::vector<double>* ends) {
  Impl& p = *impl_;
  StepRows these = rows.value_or(step_rows());
  if (p.parts[0]->program.rows > 0) these.step = p.parts[0]->program.rows;
  if (p.parts.size() == 1 && p.borders.empty()) return p.parts[0]->run(team, these, n_threads, ends);
  p.share_inputs();
  GANNET_TRY(p.borders.cross_given(these));
  const auto began = std::chrono::steady_clock::now();
  if (ends != nullptr) ends->clear();
  std::vector<double> own;
  for (size_t i = 0; i < p.parts.size(); ++i) {
    PlanPart& part = *p.parts[i];
    // A recording waits for copies by itself.
    if (part.cpu) GANNET_TRY(p.borders.wait());
    const double from =
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count();
    GANNET_TRY(part.run(team, these, n_threads, ends == nullptr ? nullptr : &own));
    if (ends != nullptr)
      for (const double end : own) ends->push_back(from + end);
    GANNET_TRY(p.borders.cross(i, part, these));
  }
  return p.borders.wait();
}

Result<void> Plan::run(ThreadTeam& team, std::optional<StepRows> rows, int n_threads) {
  return run_steps(team, rows, n_threads, nullptr);
}
Result<void> Plan::run_timed(ThreadTeam& team, std::vector<double>& ends, std::optional<StepRows> rows) {
  return run_steps(team, rows, 0, &ends);
}

bool Plan::walks_segments() const {
  for (const auto& part : impl_->parts)
    for (const ProgramStep& step : part->program.steps)
      for (const auto& slots : {part->program.operands(step), part->program.results(step)})
        for (const Slot& slot : slots)
          if (slot.state >= 0 && (slot.home != Home::kState || step.op->decompose == nullptr)) return false;
  return true;
}

const Program& Plan::program(size_t part) const {
  return impl_->parts[part]->program;
}
std::vector<std::string> Plan::taken_apart() const {
  std::vector<std::string> all;
  for (const auto& part : impl_->parts)
    for (const std::string& op : part->taken_apart)
      if (std::ranges::find(all, op) == all.end()) all.push_back(op);
  return all;
}

}  // namespace gannet
