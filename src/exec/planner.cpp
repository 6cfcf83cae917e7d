// Making a plan: where every value lives, which kernel runs each node, and who waits for whom.
#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "exec/memory_plan.h"
#include "exec/plan_impl.h"
#include "exec/take_apart.h"

namespace gannet {
namespace {

// With so few result elements it costs less to compute them in every thread than to wait for one.
constexpr int64_t kRepeatedElements = 4096;

// Everything about a value that planning needs. A view, and a result that takes over an operand's memory,
// point at the value whose storage they look at; storage is described at the root.
struct ValuePlan {
  size_t parent = 0;
  TensorView view;           // data: an offset in the root's storage
  Home home = Home::kNone;   // of roots, and of views into a state
  Place place;               // of roots in kBuffer and kRun
  int state = -1;            // of those in a state: index into Program::states
  int first = 0, last = -1;  // roots: steps at which the storage is written and last read
};

int64_t offset_of(const TensorView& view) {
  return reinterpret_cast<intptr_t>(view.data);
}

}  // namespace

int layer_of(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return -1;
  int layer = -1;
  const char* end = name.data() + name.size();
  const auto [rest, code] = std::from_chars(name.data() + dot + 1, end, layer);
  return code == std::errc() && (rest == end || *rest == '.') ? layer : -1;
}

class Planner {
 public:
  Planner(const Graph& graph, const KernelChooser& chooser, const PlanOptions& options, const PlanHome& home)
      : graph_(graph),
        chooser_(chooser),
        options_(options),
        n_nodes_(static_cast<int>(graph.nodes.size())),
        home_(home),
        part_(std::make_unique<PlanPart>()),
        program_(part_->program) {
    part_->arena = home.arena;
    program_.name = graph.name;
    program_.device = part_->device().kind();
    program_.n_members = program_.device == DeviceKind::kCpu ? options.n_threads : 1;
  }

  // The kernel of every node; -1, or the first node that none runs.
  int choose_kernels() {
    sites_.reserve(graph_.nodes.size());
    choices_.resize(graph_.nodes.size());
    for (int n = 0; n < n_nodes_; ++n) {
      sites_.push_back(graph_.site(node(n)));
      Graph::Site& s = sites_.back();
      s.site.operands = s.operands.data();
      s.site.results = s.results.data();
    }
    int without = -1;
    for (int n = n_nodes_ - 1; n >= 0; --n) {
      const OpSite& site = sites_[static_cast<size_t>(n)].site;
      if (!KernelChooser::needs_kernel(*node(n).op, site)) continue;
      KernelChoice& choice = choices_[static_cast<size_t>(n)];
      choice = chooser_.choose(*node(n).op, site);
      if (choice.kernel == nullptr) without = n;
    }
    return without;
  }
  Error no_kernel(int n) const {
    return {ErrorCode::kRuntime,
            fmt::format("plan {}: no kernel can run {} ({})", graph_.name, node(n).op->name,
                        refusal_text(choices_[static_cast<size_t>(n)].candidates))};
  }

  // Behind choose_kernels(), which found one for every node.
  Result<std::unique_ptr<PlanPart>> make(const StateLookup& states, std::vector<std::string> apart) {
    part_->taken_apart = std::move(apart);
    GANNET_TRY(bind_named(home_.params, states));
    GANNET_TRY(place_inputs());
    find_repeated();
    place_values();
    find_last_uses();
    share_in_place();
    std::vector<DeadBuffer> dead = plan_arena();
    make_steps();
    if (options_.reserve) GANNET_TRY(part_->arena->reserve(program_.arena_bytes));
    if (program_.device == DeviceKind::kCpu)
      part_->cpu.emplace(program_, part_->device(), options_.poison_dead, std::move(dead));
    else
      record_later();
    return std::move(part_);
  }

 private:
  ValuePlan& value(ValueId id) { return values_[static_cast<size_t>(id)]; }
  size_t root(ValueId id) const {
    auto at = static_cast<size_t>(id);
    while (values_[at].parent != at) at = values_[at].parent;
    return at;
  }
  const Node& node(int n) const { return graph_.nodes[static_cast<size_t>(n)]; }

  Result<void> bind_named(const ParamLookup& params, const StateLookup& states) {
    values_.resize(graph_.values.size());
    for (size_t i = 0; i < values_.size(); ++i) {
      const Value& v = graph_.values[i];
      ValuePlan& p = values_[i];
      p.parent = i;
      const auto missing = [&](const char* what) {
        return Error(ErrorCode::kRuntime,
                     fmt::format("plan {}: there is no {} \"{}\"", graph_.name, what, v.name));
      };
      if (v.kind == ValueKind::kParam) {
        const PlacedTensor tensor = params(v.name);
        if (tensor.place.buffer == BufferId::kNone) return missing("parameter");
        if (tensor.dtype != v.type.dtype || !(tensor.shape == v.type.shape))
          return Error(ErrorCode::kRuntime,
                       fmt::format("plan {}: parameter \"{}\" is {}, the graph wants {}", graph_.name, v.name,
                                   to_text({tensor.dtype, tensor.shape}), to_text(v.type)));
        p.home = Home::kBuffer;
        p.place = tensor.place;
        p.view = view_at(nullptr, tensor);
      } else if (v.kind == ValueKind::kState) {
        const void* view = states(v.name);
        if (view == nullptr) return missing("state");
        p.home = Home::kState;
        p.state = static_cast<int>(program_.states.size());
        p.view.dtype = v.type.dtype;
        p.view.shape = v.type.shape;
        program_.states.push_back({v.name, v.type, view});
      }
    }
    return {};
  }

  Result<void> place_inputs() {
    std::vector<const Value*> inputs;
    for (const Value& v : graph_.values)
      if (v.kind == ValueKind::kInput) inputs.push_back(&v);
    part_->run_block = GANNET_TRY(RunBlock::make(part_->arena->device(), inputs));
    size_t next = 0;
    for (size_t i = 0; i < values_.size(); ++i) {
      const Value& v = graph_.values[i];
      if (v.kind != ValueKind::kInput) continue;
      ValuePlan& p = values_[i];
      p.home = Home::kRun;
      p.place = {part_->run_block.buffer(), part_->run_block.input_offset(next++)};
      p.view = contiguous_view(nullptr, v.type.dtype, v.type.shape);
      program_.rows = std::max(program_.rows, rows_of(v));
    }
    return {};
  }

  // The value whose memory a value looks at, through views (states included).
  ValueId storage_of(ValueId id) const {
    for (int32_t n = graph_.values[static_cast<size_t>(id)].node; n >= 0 && node(n).op->view != nullptr;
         n = graph_.values[static_cast<size_t>(id)].node)
      id = node(n).operands[0];
    return id;
  }

  // Marks recurrent states and the values that are computed in their memory. Steps that read or write it need
  // a barrier behind them: the old state must have been read by all before the new one takes its place.
  std::vector<bool> values_in_states() const {
    std::vector<bool> marked(graph_.values.size(), false);
    for (size_t i = 0; i < marked.size(); ++i) marked[i] = graph_.values[i].type.dtype == DType::kRecurrent;
    for (int n = 0; n < n_nodes_; ++n) {
      if (node(n).op->placed_operand == nullptr) continue;
      const int operand = node(n).op->placed_operand(sites_[static_cast<size_t>(n)].site);
      if (operand >= 0)
        marked[static_cast<size_t>(storage_of(node(n).operands[static_cast<size_t>(operand)]))] = true;
    }
    return marked;
  }

  bool runs(int n) const { return choices_[static_cast<size_t>(n)].kernel != nullptr; }

  // Which steps every thread repeats, and the workspace of all.
  void find_repeated() {
    repeated_.assign(graph_.nodes.size(), false);
    workspaces_.assign(graph_.nodes.size(), 0);
    std::vector<bool> is_output(graph_.values.size(), false);
    for (const GraphOutput& out : graph_.outputs) is_output[static_cast<size_t>(out.value)] = true;
    const std::vector<bool> in_state = values_in_states();
    for (int n = 0; n < n_nodes_; ++n) {
      if (!runs(n)) continue;
      const KernelInfo& kernel = *choices_[static_cast<size_t>(n)].kernel;
      int64_t elements = 0;
      bool out = false;  // somebody else sees its memory
      for (const ValueId id : node(n).results) {
        elements = std::max(elements, graph_.type(id).shape.elements());
        out = out || is_output[static_cast<size_t>(id)] || in_state[static_cast<size_t>(id)];
      }
      for (const ValueId id : node(n).operands)
        out = out || (id != kNoValue && in_state[static_cast<size_t>(storage_of(id))]);
      int64_t& workspace = workspaces_[static_cast<size_t>(n)];
      if (kernel.workspace != nullptr)
        workspace = kernel.workspace(sites_[static_cast<size_t>(n)].site, program_.n_members);
      repeated_[static_cast<size_t>(n)] = node(n).op->repeatable && program_.n_members > 1 && !out &&
                                          workspace == 0 && elements <= kRepeatedElements;
    }
  }

  // Views become offsets; results of steps become storage.
  void place_values() {
    for (int n = 0; n < n_nodes_; ++n) {
      const OpDef& op = *node(n).op;
      for (const ValueId id : node(n).results) {
        ValuePlan& p = value(id);
        if (op.view != nullptr) {
          const ValueId source_id = node(n).operands[0];
          const ValuePlan& source = value(source_id);
          p.parent = static_cast<size_t>(source_id);
          p.home = source.home;
          p.state = source.state;
          if (graph_.type(source_id).dtype == DType::kRecurrent) {
            p.home = Home::kStateRead;
          }
          p.view = op.view(sites_[static_cast<size_t>(n)].site, source.view);
        } else {
          p.home = repeated_[static_cast<size_t>(n)] ? Home::kMember : Home::kArena;
          p.view = contiguous_view(nullptr, graph_.type(id).dtype, graph_.type(id).shape);
          p.first = p.last = n;
        }
      }
    }
    // A value that is to be computed in a state's memory.
    for (int n = 0; n < n_nodes_; ++n) {
      const OpDef& op = *node(n).op;
      if (op.placed_operand == nullptr) continue;
      const int operand = op.placed_operand(sites_[static_cast<size_t>(n)].site);
      if (operand < 0) continue;
      ValuePlan& placed = values_[root(node(n).operands[static_cast<size_t>(operand)])];
      placed.home = Home::kStateWrite;
      placed.state = value(node(n).operands[0]).state;
    }
  }

  // A step that everybody repeats has no barrier behind it: a fast member may be at the next step already
  // while a slow one still reads this one's operands and writes its results. They live until the next
  // barrier.
  void find_last_uses() {
    int until = n_nodes_;
    for (int n = n_nodes_ - 1; n >= 0; --n) {
      const bool repeated = repeated_[static_cast<size_t>(n)];
      if (runs(n) && !repeated) until = n;
      if (repeated)
        for (const ValueId id : node(n).results) value(id).last = std::max(value(id).last, until);
      for (const ValueId id : node(n).operands) {
        if (id == kNoValue) continue;
        ValuePlan& storage = values_[root(id)];
        storage.last = std::max(storage.last, repeated ? until : n);
      }
    }
    for (const GraphOutput& out : graph_.outputs) values_[root(out.value)].last = n_nodes_;
  }

  // An elementwise result takes the memory of operand 0 when that dies here.
  void share_in_place() {
    for (int n = 0; n < n_nodes_; ++n) {
      const Node& use = node(n);
      if (!runs(n) || !use.op->elementwise || use.results.size() != 1) continue;
      const auto id = static_cast<size_t>(use.results[0]);
      const size_t from = root(use.operands[0]);
      ValuePlan &result = values_[id], &storage = values_[from];
      const TensorView& operand = value(use.operands[0]).view;
      const bool in_arena = storage.home == Home::kArena || storage.home == Home::kMember;
      if (!in_arena || storage.home != result.home || storage.last != n || operand.data != nullptr ||
          !is_contiguous(operand) ||
          type_bytes(graph_.values[from].type) != type_bytes(graph_.values[id].type))
        continue;
      bool elsewhere = false;
      for (size_t i = 1; i < use.operands.size(); ++i)
        elsewhere = elsewhere || (use.operands[i] != kNoValue && root(use.operands[i]) == from);
      if (elsewhere) continue;
      storage.last = std::max(storage.last, result.last);
      result.parent = from;
    }
  }

  std::vector<DeadBuffer> plan_arena() {
    std::vector<BufferLife> lives;
    buffer_of_.assign(values_.size(), -1);
    for (size_t i = 0; i < values_.size(); ++i) {
      const ValuePlan& p = values_[i];
      if (p.parent != i || (p.home != Home::kArena && p.home != Home::kMember)) continue;
      int64_t bytes = (type_bytes(graph_.values[i].type) + 63) / 64 * 64;
      if (p.home == Home::kMember) bytes *= program_.n_members;
      buffer_of_[i] = static_cast<int>(lives.size());
      lives.push_back({bytes, p.first, p.last});
      part_->unshared_bytes += bytes;
    }
    memory_ = plan_memory(lives);
    part_->activation_bytes = memory_.arena_bytes;
    program_.workspace_offset = memory_.arena_bytes;
    int64_t workspace = 0;
    for (const int64_t bytes : workspaces_) workspace = std::max(workspace, bytes);
    program_.arena_bytes = memory_.arena_bytes + (workspace + 63) / 64 * 64;
    std::vector<DeadBuffer> dead;
    std::vector<size_t> step_of(static_cast<size_t>(n_nodes_) + 1, 0);
    size_t step = 0;
    for (int n = 0; n < n_nodes_; ++n) {
      step_of[static_cast<size_t>(n)] = step;
      if (runs(n)) ++step;
    }
    for (size_t i = 0; i < lives.size(); ++i)
      if (lives[i].last_step < n_nodes_)
        dead.push_back(
            {step_of[static_cast<size_t>(lives[i].last_step)], memory_.offsets[i], lives[i].bytes});
    std::stable_sort(dead.begin(), dead.end(),
                     [](const DeadBuffer& a, const DeadBuffer& b) { return a.step < b.step; });
    return dead;
  }

  size_t add_slot(ValueId id) {
    Slot slot;
    if (id != kNoValue) {
      const ValuePlan& p = value(id);
      const size_t storage = root(id);
      // A view into a state says so itself; everything else lies where its storage lies.
      const ValuePlan& home = p.home == Home::kStateRead ? p : values_[storage];
      slot.home = home.home;
      slot.state = home.state;
      if (home.home == Home::kArena || home.home == Home::kMember)
        slot.storage = memory_.offsets[static_cast<size_t>(buffer_of_[storage])];
      slot.tensor = placed_at(home.place + (slot.storage + offset_of(p.view)), p.view);
      if (home.home == Home::kMember)
        slot.member_bytes = (type_bytes(graph_.values[storage].type) + 63) / 64 * 64;
    }
    program_.slots.push_back(slot);
    return program_.slots.size() - 1;
  }

  void make_steps() {
    int layer = -1, last_step = -1;
    for (int n = 0; n < n_nodes_; ++n)
      if (runs(n)) last_step = n;
    for (int n = 0; n < n_nodes_; ++n) {
      const Node& use = node(n);
      for (const ValueId id : use.operands)
        if (id != kNoValue && graph_.values[static_cast<size_t>(id)].kind != ValueKind::kResult)
          layer = std::max(layer, layer_of(graph_.values[static_cast<size_t>(id)].name));
      if (!runs(n)) continue;
      ProgramStep step;
      step.op = use.op;
      step.kernel = choices_[static_cast<size_t>(n)].kernel;
      step.attrs = use.attrs;
      step.workspace = workspaces_[static_cast<size_t>(n)];
      step.repeated = repeated_[static_cast<size_t>(n)];
      step.first_operand = program_.slots.size();
      step.n_operands = use.operands.size();
      for (const ValueId id : use.operands) add_slot(id);
      step.first_result = program_.slots.size();
      step.n_results = use.results.size();
      for (const ValueId id : use.results) add_slot(id);
      program_.steps.push_back(step);
      add_info(n, layer, n == last_step);
    }
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& v = graph_.values[i];
      if (v.kind == ValueKind::kInput)
        program_.inputs.push_back({v.name, v.source, add_slot(static_cast<ValueId>(i))});
    }
    for (const GraphOutput& out : graph_.outputs) program_.outputs.push_back({out.name, add_slot(out.value)});
  }

  // The recording is made when the arena has its place.
  void record_later() {
    part_->recorded.emplace(program_, part_->device(), Place{part_->run_block.buffer(), 0}, home_.step);
    for (const size_t step : part_->recorded->barriers()) part_->infos[step].barriers = 1;
  }

  void add_info(int n, int layer, bool last) {
    const Node& use = node(n);
    const ProgramStep& step = program_.steps.back();
    const OpSite& site = sites_[static_cast<size_t>(n)].site;
    const KernelChoice& choice = choices_[static_cast<size_t>(n)];
    StepInfo info{use.op, choice.kernel, {}, {}, layer, use.op->cost(site), -1, 0, step.repeated, 0};
    info.others.assign(choice.candidates.begin() + 1, choice.candidates.end());
    for (const ValueId id : use.results) {
      const TensorType& type = graph_.type(id);
      info.results.push_back(type);
      info.bytes += type_bytes(type);
    }
    if (!use.results.empty()) {
      const Slot& slot = program_.slots[step.first_result];
      if (slot.home == Home::kArena || slot.home == Home::kMember) info.offset = slot.tensor.place.offset;
    }
    if (!step.repeated && program_.n_members > 1)
      info.barriers = (last ? 0 : 1) + choice.kernel->barriers(site, program_.n_members);
    part_->infos.push_back(std::move(info));
  }

  const Graph& graph_;
  const KernelChooser& chooser_;
  const PlanOptions& options_;
  const int n_nodes_;
  const PlanHome& home_;
  std::unique_ptr<PlanPart> part_;
  Program& program_;
  std::vector<ValuePlan> values_;
  std::vector<Graph::Site> sites_;
  std::vector<KernelChoice> choices_;  // by node; no kernel: a view, or a value computed in its place
  std::vector<bool> repeated_;         // by node
  std::vector<int64_t> workspaces_;    // by node
  std::vector<int> buffer_of_;         // by value
  MemoryPlan memory_;
};

Result<std::unique_ptr<PlanPart>> plan_part(const Graph& graph, const PlanHome& home,
                                            const PlanOptions& options, const StateLookup& states) {
  const KernelChooser chooser(*home.kernels, options.policy, *home.arena->device());
  Planner planner(graph, chooser, options, home);
  if (planner.choose_kernels() < 0) return planner.make(states, {});
  std::vector<std::string> apart;
  const Graph parts = GANNET_TRY(take_apart(graph, chooser, options.decompose, apart));
  Planner again(parts, chooser, options, home);
  if (const int n = again.choose_kernels(); n >= 0) return again.no_kernel(n);
  return again.make(states, std::move(apart));
}

}  // namespace gannet
