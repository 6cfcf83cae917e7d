// Making a plan: where every value lives, which kernel runs each node, and who waits for whom.
#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "exec/memory_plan.h"
#include "exec/plan_impl.h"

namespace gannet {
namespace {

// With so few result elements it costs less to compute them in every thread than to wait for one.
constexpr int64_t kRepeatedElements = 4096;

// Everything about a value that planning needs. A view, and a result that takes over an operand's memory,
// point at the value whose storage they look at; storage is described at the root.
struct ValuePlan {
  size_t parent = 0;
  TensorView view;           // data relative to the root's storage, unless that is fixed
  Home home = Home::kFixed;  // of roots, and of views into a state
  const RecurrentView* state = nullptr;
  int first = 0, last = -1;  // roots: steps at which the storage is written and last read
};

// "blk.12.attn_q.weight" and "delta.12" belong to layer 12; -1 when the name has no such number.
int layer_of(const std::string& name) {
  const size_t dot = name.find('.');
  if (dot == std::string::npos) return -1;
  int layer = -1;
  const char* end = name.data() + name.size();
  const auto [rest, code] = std::from_chars(name.data() + dot + 1, end, layer);
  return code == std::errc() && (rest == end || *rest == '.') ? layer : -1;
}

}  // namespace

class Planner {
 public:
  Planner(const Graph& graph, const KernelRegistry& kernels, const PlanOptions& options)
      : graph_(graph),
        kernels_(kernels),
        options_(options),
        n_nodes_(static_cast<int>(graph.nodes.size())),
        impl_(std::make_unique<Plan::Impl>()) {
    impl_->name = graph.name;
    impl_->n_threads = options.n_threads;
    impl_->poison_dead = options.poison_dead;
  }

  Result<Plan> make(const ParamLookup& params, const StateLookup& states, std::shared_ptr<Arena> arena) {
    impl_->arena = std::move(arena);
    GANNET_TRY(bind_named(params, states));
    GANNET_TRY(choose_kernels());
    place_values();
    find_last_uses();
    share_in_place();
    plan_arena();
    make_steps();
    GANNET_TRY(impl_->arena->reserve(impl_->arena_bytes));
    return Plan(std::move(impl_));
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
        p.view = params(v.name);
        if (p.view.data == nullptr) return missing("parameter");
        if (p.view.dtype != v.type.dtype || !(p.view.shape == v.type.shape))
          return Error(ErrorCode::kRuntime,
                       fmt::format("plan {}: parameter \"{}\" is {}, the graph wants {}", graph_.name, v.name,
                                   to_text({p.view.dtype, p.view.shape}), to_text(v.type)));
      } else if (v.kind == ValueKind::kState) {
        p.view.dtype = v.type.dtype;
        p.view.shape = v.type.shape;
        p.view.data = static_cast<std::byte*>(states(v.name));
        if (p.view.data == nullptr) return missing("state");
      } else if (v.kind == ValueKind::kInput) {
        auto& memory = impl_->input_memory;
        memory.push_back(std::make_unique<std::byte[]>(static_cast<size_t>(type_bytes(v.type)) + 64));
        const auto address = reinterpret_cast<uintptr_t>(memory.back().get());
        p.view = contiguous_view(reinterpret_cast<std::byte*>((address + 63) / 64 * 64), v.type.dtype,
                                 v.type.shape);
      }
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

  Result<void> choose_kernels() {
    sites_.reserve(graph_.nodes.size());
    choices_.resize(graph_.nodes.size());
    repeated_.assign(graph_.nodes.size(), false);
    std::vector<bool> is_output(graph_.values.size(), false);
    for (const GraphOutput& out : graph_.outputs) is_output[static_cast<size_t>(out.value)] = true;
    for (int n = 0; n < n_nodes_; ++n) {
      sites_.push_back(graph_.site(node(n)));
      Graph::Site& s = sites_.back();
      s.site.operands = s.operands.data();
      s.site.results = s.results.data();
    }
    const std::vector<bool> in_state = values_in_states();
    for (int n = 0; n < n_nodes_; ++n) {
      const Graph::Site& s = sites_[static_cast<size_t>(n)];
      const OpDef& op = *node(n).op;
      if (op.view != nullptr || (op.placed_operand != nullptr && op.placed_operand(s.site) >= 0)) continue;
      KernelChoice& choice = choices_[static_cast<size_t>(n)];
      choice = kernels_.choose(op, s.site, options_.policy);
      if (choice.kernel == nullptr)
        return Error(ErrorCode::kRuntime, fmt::format("plan {}: no kernel can run {} ({})", graph_.name,
                                                      op.name, refusal_text(choice.candidates)));
      const KernelInfo& kernel = *choice.kernel;
      int64_t elements = 0;
      bool out = false;  // somebody else sees its memory
      for (const ValueId id : node(n).results) {
        elements = std::max(elements, graph_.type(id).shape.elements());
        out = out || is_output[static_cast<size_t>(id)] || in_state[static_cast<size_t>(id)];
      }
      for (const ValueId id : node(n).operands)
        out = out || (id != kNoValue && in_state[static_cast<size_t>(storage_of(id))]);
      const int64_t workspace =
          kernel.workspace == nullptr ? 0 : kernel.workspace(s.site, options_.n_threads);
      workspace_ = std::max(workspace_, workspace);
      repeated_[static_cast<size_t>(n)] =
          op.repeatable && options_.n_threads > 1 && !out && workspace == 0 && elements <= kRepeatedElements;
    }
    return {};
  }

  // Views become addresses; results of steps become storage.
  void place_values() {
    for (int n = 0; n < n_nodes_; ++n) {
      const OpDef& op = *node(n).op;
      for (const ValueId id : node(n).results) {
        ValuePlan& p = value(id);
        if (op.view != nullptr) {
          const ValueId source_id = node(n).operands[0];
          const ValuePlan& source = value(source_id);
          TensorView from = source.view;
          p.parent = static_cast<size_t>(source_id);
          p.home = source.home;
          p.state = source.state;
          if (graph_.type(source_id).dtype == DType::kRecurrent) {
            p.home = Home::kStateRead;
            p.state = reinterpret_cast<const RecurrentView*>(source.view.data);
            from.data = nullptr;
          }
          p.view = op.view(sites_[static_cast<size_t>(n)].site, from);
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
      placed.state = reinterpret_cast<const RecurrentView*>(value(node(n).operands[0]).view.data);
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

  void plan_arena() {
    std::vector<BufferLife> lives;
    buffer_of_.assign(values_.size(), -1);
    for (size_t i = 0; i < values_.size(); ++i) {
      const ValuePlan& p = values_[i];
      if (p.parent != i || (p.home != Home::kArena && p.home != Home::kMember)) continue;
      int64_t bytes = (type_bytes(graph_.values[i].type) + 63) / 64 * 64;
      if (p.home == Home::kMember) bytes *= options_.n_threads;
      buffer_of_[i] = static_cast<int>(lives.size());
      lives.push_back({bytes, p.first, p.last});
      impl_->unshared_bytes += bytes;
    }
    memory_ = plan_memory(lives);
    impl_->activation_bytes = memory_.arena_bytes;
    impl_->workspace_offset = memory_.arena_bytes;
    impl_->arena_bytes = memory_.arena_bytes + (workspace_ + 63) / 64 * 64;
    if (!options_.poison_dead) return;
    std::vector<size_t> step_of(static_cast<size_t>(n_nodes_) + 1, 0);
    size_t step = 0;
    for (int n = 0; n < n_nodes_; ++n) {
      step_of[static_cast<size_t>(n)] = step;
      if (runs(n)) ++step;
    }
    for (size_t i = 0; i < lives.size(); ++i)
      if (lives[i].last_step < n_nodes_)
        impl_->dead.push_back(
            {step_of[static_cast<size_t>(lives[i].last_step)], memory_.offsets[i], lives[i].bytes});
    std::stable_sort(impl_->dead.begin(), impl_->dead.end(),
                     [](const DeadBuffer& a, const DeadBuffer& b) { return a.step < b.step; });
  }

  size_t add_slot(ValueId id) {
    Slot slot;
    if (id != kNoValue) {
      const ValuePlan& p = value(id);
      const size_t storage = root(id);
      // A view into a state says so itself; everything else lies where its storage lies.
      const ValuePlan& home = p.home == Home::kStateRead ? p : values_[storage];
      slot = {p.view, home.home, 0, home.state};
      if (home.home == Home::kArena || home.home == Home::kMember)
        slot.view.data += memory_.offsets[static_cast<size_t>(buffer_of_[storage])];
      if (home.home == Home::kMember)
        slot.member_bytes = (type_bytes(graph_.values[storage].type) + 63) / 64 * 64;
      if (home.home == Home::kStateRead || home.home == Home::kStateWrite)
        impl_->state_slots.push_back(impl_->slots.size());
    }
    impl_->slots.push_back(slot);
    return impl_->slots.size() - 1;
  }

  void make_steps() {
    impl_->attrs.reserve(graph_.nodes.size());
    int layer = -1, last_step = -1;
    for (int n = 0; n < n_nodes_; ++n)
      if (runs(n)) last_step = n;
    for (int n = 0; n < n_nodes_; ++n) {
      const Node& use = node(n);
      for (const ValueId id : use.operands)
        if (id != kNoValue && graph_.values[static_cast<size_t>(id)].kind != ValueKind::kResult)
          layer = std::max(layer, layer_of(graph_.values[static_cast<size_t>(id)].name));
      if (!runs(n)) continue;
      const OpSite& site = sites_[static_cast<size_t>(n)].site;
      const KernelChoice& choice = choices_[static_cast<size_t>(n)];
      impl_->attrs.push_back(use.attrs);
      Step step;
      step.kernel = choice.kernel;
      step.attrs = impl_->attrs.back().raw.data();
      step.n_operands = static_cast<int>(use.operands.size());
      step.repeated = repeated_[static_cast<size_t>(n)];
      step.first_operand = impl_->slots.size();
      for (const ValueId id : use.operands) add_slot(id);
      step.first_result = impl_->slots.size();
      for (const ValueId id : use.results) add_slot(id);
      impl_->steps.push_back(step);

      StepInfo info{use.op, choice.kernel, {}, {}, layer, use.op->cost(site), -1, 0, step.repeated, 0};
      info.others.assign(choice.candidates.begin() + 1, choice.candidates.end());
      for (const ValueId id : use.results) {
        const TensorType& type = graph_.type(id);
        info.results.push_back(type);
        info.bytes += type_bytes(type);
      }
      if (!use.results.empty()) {
        const Slot& slot = impl_->slots[step.first_result];
        if (slot.home == Home::kArena || slot.home == Home::kMember)
          info.offset = reinterpret_cast<intptr_t>(slot.view.data);
      }
      if (!step.repeated && options_.n_threads > 1)
        info.barriers =
            (n == last_step ? 0 : 1) +
            (choice.kernel->barriers == nullptr ? 0 : choice.kernel->barriers(site, options_.n_threads));
      impl_->infos.push_back(std::move(info));
    }
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& v = graph_.values[i];
      if (v.kind == ValueKind::kInput)
        impl_->inputs.push_back({v.name, v.source, add_slot(static_cast<ValueId>(i))});
    }
    for (const GraphOutput& out : graph_.outputs) impl_->outputs.emplace_back(out.name, add_slot(out.value));
  }

  const Graph& graph_;
  const KernelRegistry& kernels_;
  const PlanOptions& options_;
  const int n_nodes_;
  std::unique_ptr<Plan::Impl> impl_;
  std::vector<ValuePlan> values_;
  std::vector<Graph::Site> sites_;
  std::vector<KernelChoice> choices_;  // by node; no kernel: a view, or a value computed in its place
  std::vector<bool> repeated_;         // by node
  std::vector<int> buffer_of_;         // by value
  MemoryPlan memory_;
  int64_t workspace_ = 0;
};

Result<Plan> Plan::make(const Graph& graph, const KernelRegistry& kernels, const PlanOptions& options,
                        const ParamLookup& params, const StateLookup& states, std::shared_ptr<Arena> arena) {
  return Planner(graph, kernels, options).make(params, states, std::move(arena));
}

}  // namespace gannet
