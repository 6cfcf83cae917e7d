// What a plan tells about itself.
#include <fmt/core.h>

#include "exec/plan_impl.h"

namespace gannet {
namespace {

std::string result_text(const StepInfo& step) {
  std::string text;
  for (const TensorType& type : step.results) text += (text.empty() ? "" : ", ") + to_text(type);
  return text;
}

}  // namespace

const std::string& Plan::name() const {
  return impl_->program.name;
}
std::span<const StepInfo> Plan::steps() const {
  return impl_->infos;
}
int64_t Plan::arena_bytes() const {
  return impl_->program.arena_bytes;
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
  if (candidates.empty()) return "there is none";
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
      impl_->program.name, impl_->infos.size(), barriers(), sum.weight_bytes, sum.state_bytes, sum.flops,
      impl_->program.arena_bytes, impl_->activation_bytes, impl_->unshared_bytes);
  if (impl_->recorded) {
    const RecordingCounts counts = recording_counts();
    text += fmt::format("recorded: {} dispatches, {} barriers\n", counts.dispatches, counts.barriers);
  }
  for (const std::string& op : impl_->taken_apart)
    text += fmt::format("taken apart, {} has no kernel: {}\n", impl_->device().name(), op);
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
