#include "exec/plan.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "exec/memory_plan.h"

namespace gannet {

Arena::~Arena() {
  std::free(data_);
}

Result<void> Arena::reserve(int64_t bytes) {
  if (bytes <= size_) return {};
  constexpr int64_t kHugePage = 2 << 20;
  const int64_t rounded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  auto* fresh = static_cast<std::byte*>(std::aligned_alloc(kHugePage, static_cast<size_t>(rounded)));
  if (fresh == nullptr)
    return Error(ErrorCode::kOutOfMemory,
                 fmt::format("no memory for activations ({} bytes); lower --ubatch-size", rounded));
  madvise(fresh, static_cast<size_t>(rounded), MADV_HUGEPAGE);
  std::free(data_);
  data_ = fresh;
  size_ = rounded;
  return {};
}

namespace {

struct ViewSlot {
  TensorView view;  // view.data is relative to the arena while in_arena
  bool in_arena = false;
};

struct Step {
  const KernelInfo* kernel = nullptr;
  size_t first_operand = 0, first_result = 0;  // indices into Impl::views
  int n_operands = 0;
  const std::byte* attrs = nullptr;
};

struct StepNote {
  std::string text;
  Cost cost;
};

}  // namespace

struct Plan::Impl {
  std::string name;
  int n_threads = 1;
  std::shared_ptr<Arena> arena;
  std::byte* bound_to = nullptr;  // arena address that `bound` holds
  int64_t arena_bytes = 0;
  int64_t workspace_offset = 0;
  std::vector<AttrBytes> attrs;
  std::vector<ViewSlot> slots;
  std::vector<TensorView> bound;  // slots with absolute addresses, what kernels see
  std::vector<Step> steps;
  std::vector<StepNote> notes;
  std::vector<std::pair<std::string, size_t>> inputs, outputs;  // slot indices
  std::vector<std::unique_ptr<std::byte[]>> input_memory;

  void bind() {
    if (bound_to == arena->data() && !bound.empty()) return;
    bound.resize(slots.size());
    for (size_t i = 0; i < slots.size(); ++i) {
      bound[i] = slots[i].view;
      if (slots[i].in_arena) bound[i].data = arena->data() + reinterpret_cast<intptr_t>(slots[i].view.data);
    }
    bound_to = arena->data();
  }

  TensorView find(const std::vector<std::pair<std::string, size_t>>& list, const std::string& key) {
    bind();
    for (const auto& [n, slot] : list)
      if (n == key) return bound[slot];
    return {};
  }
};

Plan::Plan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

namespace {

// Everything about a value that planning needs.
struct ValuePlan {
  bool planned = false;
  bool in_arena = false;
  size_t root = 0;  // the value whose storage this one looks at (itself unless a view)
  TensorView view;  // data relative to the root's storage while in_arena, absolute otherwise
  int first = 0, last = 0;
};

std::string refusals(const KernelChoice& choice, size_t from) {
  std::string text;
  for (size_t i = from; i < choice.candidates.size(); ++i) {
    const KernelCandidate& c = choice.candidates[i];
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", c.kernel->name,
                        c.refusal.empty() ? "ranked lower" : c.refusal);
  }
  return text;
}

}  // namespace

Result<Plan> Plan::make(const Graph& graph, const KernelRegistry& kernels, const PlanOptions& options,
                        const ParamLookup& params, const StateLookup& states, std::shared_ptr<Arena> arena) {
  auto impl = std::make_unique<Impl>();
  impl->name = graph.name;
  impl->n_threads = options.n_threads;
  impl->arena = std::move(arena);
  const auto missing = [&](const Value& v, const char* what) {
    return Error(ErrorCode::kRuntime,
                 fmt::format("plan {}: there is no {} \"{}\"", graph.name, what, v.name));
  };

  std::vector<ValuePlan> values(graph.values.size());
  std::vector<std::pair<std::string, size_t>> input_values;
  for (size_t i = 0; i < values.size(); ++i) {
    const Value& v = graph.values[i];
    ValuePlan& p = values[i];
    p.root = i;
    p.planned = v.kind != ValueKind::kResult;
    if (v.kind == ValueKind::kParam) {
      p.view = params(v.name);
      if (p.view.data == nullptr) return missing(v, "parameter");
      if (p.view.dtype != v.type.dtype || !(p.view.shape == v.type.shape))
        return Error(ErrorCode::kRuntime,
                     fmt::format("plan {}: parameter \"{}\" is {}, the graph wants {}", graph.name, v.name,
                                 to_text({p.view.dtype, p.view.shape}), to_text(v.type)));
    } else if (v.kind == ValueKind::kState) {
      p.view.dtype = v.type.dtype;
      p.view.shape = v.type.shape;
      p.view.data = static_cast<std::byte*>(states(v.name));
      if (p.view.data == nullptr) return missing(v, "state");
    } else if (v.kind == ValueKind::kInput) {
      impl->input_memory.push_back(
          std::make_unique<std::byte[]>(static_cast<size_t>(type_bytes(v.type)) + 64));
      const auto address = reinterpret_cast<uintptr_t>(impl->input_memory.back().get());
      p.view =
          contiguous_view(reinterpret_cast<std::byte*>((address + 63) / 64 * 64), v.type.dtype, v.type.shape);
      input_values.emplace_back(v.name, i);
    }
  }

  // Views become addresses; real results become buffers with a lifetime.
  const int n_nodes = static_cast<int>(graph.nodes.size());
  for (int n = 0; n < n_nodes; ++n) {
    const Node& node = graph.nodes[static_cast<size_t>(n)];
    for (ValueId id : node.operands)
      if (id != kNoValue) {
        ValuePlan& root = values[values[static_cast<size_t>(id)].root];
        root.last = std::max(root.last, n);
      }
    const Graph::Site s = graph.site(node);
    for (ValueId id : node.results) {
      ValuePlan& p = values[static_cast<size_t>(id)];
      p.planned = true;
      if (node.op->view != nullptr) {
        const ValuePlan& source = values[static_cast<size_t>(node.operands[0])];
        p.root = source.root;
        p.in_arena = source.in_arena;
        p.view = node.op->view(s.site, source.view);
      } else {
        p.in_arena = true;
        p.view = contiguous_view(nullptr, graph.type(id).dtype, graph.type(id).shape);
        p.first = p.last = n;
      }
    }
  }
  for (const GraphOutput& out : graph.outputs)
    values[values[static_cast<size_t>(out.value)].root].last = n_nodes;

  std::vector<BufferLife> lives;
  std::vector<int> buffer_of(values.size(), -1);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i].in_arena || values[i].root != i) continue;
    buffer_of[i] = static_cast<int>(lives.size());
    lives.push_back({type_bytes(graph.values[i].type), values[i].first, values[i].last});
  }
  const MemoryPlan memory = plan_memory(lives);

  const auto add_slot = [&](size_t value) {
    ViewSlot slot{values[value].view, values[value].in_arena};
    if (slot.in_arena) slot.view.data += memory.offsets[static_cast<size_t>(buffer_of[values[value].root])];
    impl->slots.push_back(slot);
    return impl->slots.size() - 1;
  };

  int64_t workspace = 0;
  impl->attrs.reserve(graph.nodes.size());
  for (const Node& node : graph.nodes) {
    if (node.op->view != nullptr) continue;
    const Graph::Site s = graph.site(node);
    const KernelChoice choice = kernels.choose(*node.op, s.site, options.policy);
    if (choice.kernel == nullptr)
      return Error(ErrorCode::kRuntime, fmt::format("plan {}: no kernel can run {} ({})", graph.name,
                                                    node.op->name, refusals(choice, 0)));
    if (choice.kernel->workspace != nullptr)
      workspace = std::max(workspace, choice.kernel->workspace(s.site, options.n_threads));
    impl->attrs.push_back(node.attrs);
    Step step;
    step.kernel = choice.kernel;
    step.attrs = impl->attrs.back().raw.data();
    step.first_operand = impl->slots.size();
    step.n_operands = static_cast<int>(node.operands.size());
    for (ValueId id : node.operands) {
      if (id == kNoValue)
        impl->slots.push_back({});
      else
        add_slot(static_cast<size_t>(id));
    }
    step.first_result = impl->slots.size();
    for (ValueId id : node.results) add_slot(static_cast<size_t>(id));
    impl->steps.push_back(step);
    StepNote note;
    note.cost = node.op->cost(s.site);
    note.text =
        fmt::format("{:<18} {:<28} {:<22} weights {:>11} flops {:>13}", node.op->name, choice.kernel->name,
                    to_text(s.results[0]), note.cost.weight_bytes, note.cost.flops);
    if (choice.candidates.size() > 1) note.text += "  # " + refusals(choice, 1);
    impl->notes.push_back(std::move(note));
  }
  for (const auto& [name, value] : input_values) impl->inputs.emplace_back(name, add_slot(value));
  for (const GraphOutput& out : graph.outputs)
    impl->outputs.emplace_back(out.name, add_slot(static_cast<size_t>(out.value)));

  impl->workspace_offset = memory.arena_bytes;
  impl->arena_bytes = memory.arena_bytes + (workspace + 63) / 64 * 64;
  GANNET_TRY(impl->arena->reserve(impl->arena_bytes));
  return Plan(std::move(impl));
}

TensorView Plan::input(const std::string& name) const {
  return impl_->find(impl_->inputs, name);
}
TensorView Plan::output(const std::string& name) const {
  return impl_->find(impl_->outputs, name);
}

void Plan::run(ThreadTeam& team, int n_threads) {
  Impl& p = *impl_;
  p.bind();
  std::byte* workspace = p.arena->data() + p.workspace_offset;
  const int members = n_threads > 0 && n_threads < p.n_threads ? n_threads : p.n_threads;
  team.run(
      [&](Worker& worker) {
        for (const Step& step : p.steps) {
          const KernelArgs args{p.bound.data() + step.first_operand, p.bound.data() + step.first_result,
                                step.attrs, workspace, step.n_operands};
          step.kernel->run(args, worker);
          worker.reset_claims();
        }
      },
      members);
}

std::string Plan::explain() const {
  std::string text = fmt::format("plan {}: {} steps, {} bytes of activations and workspace\n", impl_->name,
                                 impl_->steps.size(), impl_->arena_bytes);
  for (size_t i = 0; i < impl_->notes.size(); ++i) text += fmt::format("{:4} {}\n", i, impl_->notes[i].text);
  return text;
}

int64_t Plan::arena_bytes() const {
  return impl_->arena_bytes;
}
size_t Plan::n_steps() const {
  return impl_->steps.size();
}

Cost Plan::cost() const {
  Cost sum;
  for (const StepNote& note : impl_->notes) {
    sum.weight_bytes += note.cost.weight_bytes;
    sum.activation_bytes += note.cost.activation_bytes;
    sum.state_bytes += note.cost.state_bytes;
    sum.flops += note.cost.flops;
  }
  return sum;
}

}  // namespace gannet
