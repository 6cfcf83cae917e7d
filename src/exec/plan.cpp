#include "exec/plan.h"

#include <chrono>
#include <cstring>

#include <fmt/core.h>

#include "exec/plan_impl.h"

namespace gannet {

void Plan::Impl::bind() {
  if (bound_to != arena->data() || bound.empty()) {
    bool per_member = false;
    for (const Slot& slot : slots) per_member = per_member || slot.home == Home::kMember;
    bound.resize(per_member ? static_cast<size_t>(n_threads) : 1);
    for (size_t member = 0; member < bound.size(); ++member) {
      bound[member].resize(slots.size());
      for (size_t i = 0; i < slots.size(); ++i) {
        const Slot& slot = slots[i];
        TensorView& view = bound[member][i];
        view = slot.view;
        if (slot.home != Home::kArena && slot.home != Home::kMember) continue;
        view.data = arena->data() + reinterpret_cast<intptr_t>(slot.view.data) +
                    static_cast<int64_t>(member) * slot.member_bytes;
      }
    }
    bound_to = arena->data();
  }
  for (const size_t i : state_slots) {
    const Slot& slot = slots[i];
    const float* base = slot.home == Home::kStateRead ? slot.state->read : slot.state->write;
    for (std::vector<TensorView>& views : bound)
      views[i].data =
          reinterpret_cast<std::byte*>(const_cast<float*>(base)) + reinterpret_cast<intptr_t>(slot.view.data);
  }
}

Plan::Plan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

TensorView Plan::input(const std::string& name) const {
  impl_->bind();
  for (const Impl::Input& input : impl_->inputs)
    if (input.name == name) return impl_->bound[0][input.slot];
  return {};
}
TensorView Plan::input(InputSource source) const {
  impl_->bind();
  for (const Impl::Input& input : impl_->inputs)
    if (input.source == source) return impl_->bound[0][input.slot];
  return {};
}
TensorView Plan::output(const std::string& name) const {
  return output(output_index(name));
}
int Plan::output_index(const std::string& name) const {
  for (size_t i = 0; i < impl_->outputs.size(); ++i)
    if (impl_->outputs[i].first == name) return static_cast<int>(i);
  return -1;
}
TensorView Plan::output(int index) const {
  if (index < 0) return {};
  impl_->bind();
  return impl_->bound[0][impl_->outputs[static_cast<size_t>(index)].second];
}

namespace {

std::string result_text(const StepInfo& step) {
  std::string text;
  for (const TensorType& type : step.results) text += (text.empty() ? "" : ", ") + to_text(type);
  return text;
}

// All steps on one member; `after(i)` is called when step i is done (by this member, if it was a repeated
// one).
template <class P, class F>
void walk(P& p, Worker& worker, F after) {
  std::byte* workspace = p.arena->data() + p.workspace_offset;
  const std::vector<TensorView>& views =
      p.bound[p.bound.size() == 1 ? 0 : static_cast<size_t>(worker.index())];
  const size_t n_steps = p.steps.size();
  for (size_t i = 0; i < n_steps; ++i) {
    const Step& step = p.steps[i];
    const KernelArgs args{views.data() + step.first_operand, views.data() + step.first_result, step.attrs,
                          workspace, step.n_operands};
    if (step.repeated) {
      Worker alone = Worker::alone();
      step.kernel->run(args, alone);
    } else {
      step.kernel->run(args, worker);
      if (i + 1 < n_steps) worker.reset_claims();  // the end of the run waits for all members anyway
    }
    after(i);
  }
}

}  // namespace

void Plan::run(ThreadTeam& team, int n_threads) {
  Impl& p = *impl_;
  p.bind();
  const int members = n_threads > 0 && n_threads < p.n_threads ? n_threads : p.n_threads;
  if (!p.poison_dead) {
    team.run([&](Worker& worker) { walk(p, worker, [](size_t) {}); }, members);
    return;
  }
  team.run(
      [&](Worker& worker) {
        size_t next = 0;
        walk(p, worker, [&](size_t step) {
          // Behind the last step nobody has waited for the others yet.
          if (p.steps[step].repeated || step + 1 == p.steps.size()) return;
          for (; next < p.dead.size() && p.dead[next].step <= step; ++next)
            if (worker.index() == 0)
              std::memset(p.arena->data() + p.dead[next].offset, 0xFF,
                          static_cast<size_t>(p.dead[next].bytes));
          worker.barrier();
        });
      },
      members);
}

void Plan::run_timed(ThreadTeam& team, std::vector<double>& ends) {
  Impl& p = *impl_;
  p.bind();
  ends.resize(p.steps.size());
  const auto started = std::chrono::steady_clock::now();
  const auto now = [&] {
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - started).count();
  };
  team.run(
      [&](Worker& worker) {
        walk(p, worker, [&](size_t step) {
          if (worker.index() == 0) ends[step] = now();
        });
      },
      p.n_threads);
  if (!ends.empty()) ends.back() = now();
}

const std::string& Plan::name() const {
  return impl_->name;
}
std::span<const StepInfo> Plan::steps() const {
  return impl_->infos;
}
int64_t Plan::arena_bytes() const {
  return impl_->arena_bytes;
}
int64_t Plan::activation_bytes() const {
  return impl_->activation_bytes;
}
int64_t Plan::unshared_bytes() const {
  return impl_->unshared_bytes;
}

int Plan::barriers() const {
  int sum = 0;
  for (const StepInfo& step : impl_->infos) sum += step.barriers;
  return sum;
}

Cost Plan::cost() const {
  Cost sum;
  for (const StepInfo& step : impl_->infos) sum += step.cost;
  return sum;
}

std::string Plan::refusals(size_t step) const {
  return refusal_text(impl_->infos[step].others);
}

std::string refusal_text(std::span<const KernelCandidate> candidates) {
  std::string text;
  for (const KernelCandidate& c : candidates)
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", c.kernel->name,
                        c.refusal == nullptr ? "ranked lower" : c.refusal);
  return text;
}

std::string Plan::explain(int layer) const {
  const Cost sum = cost();
  std::string text = fmt::format(
      "plan {}: {} steps, {} barriers, {} weight bytes, {} state bytes, {} flops, arena {} bytes "
      "(activations "
      "{}, {} if none shared memory)\n",
      impl_->name, impl_->infos.size(), barriers(), sum.weight_bytes, sum.state_bytes, sum.flops,
      impl_->arena_bytes, impl_->activation_bytes, impl_->unshared_bytes);
  for (size_t i = 0; i < impl_->infos.size(); ++i) {
    const StepInfo& s = impl_->infos[i];
    if (layer >= 0 && s.layer != layer) continue;
    text += fmt::format("{:4} {:>3} {:<17} {:<20} {:<22} weights {:>11} state {:>8} flops {:>12} ", i,
                        s.layer < 0 ? "-" : std::to_string(s.layer), s.op->name, s.kernel->name,
                        result_text(s), s.cost.weight_bytes, s.cost.state_bytes, s.cost.flops);
    text += s.offset < 0 ? fmt::format("in state      {:>9} B", s.bytes)
                         : fmt::format("at {:<10} {:>9} B", s.offset, s.bytes);
    text += s.repeated ? " by each thread" : fmt::format(" barriers {}", s.barriers);
    if (!s.others.empty()) text += "  # " + refusal_text(s.others);
    text += "\n";
  }
  return text;
}

}  // namespace gannet
