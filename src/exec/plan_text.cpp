// What a plan tells about itself.
#include <algorithm>
#include <utility>

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
  return impl_->name;
}
std::span<const StepInfo> Plan::steps() const {
  return impl_->infos;
}
// Parts run one after the other; those of a device share its arena.
int64_t Plan::arena_bytes() const {
  int64_t most = 0;
  for (const auto& part : impl_->parts) most = std::max(most, part->program.arena_bytes);
  return most;
}
int64_t Plan::activation_bytes() const {
  int64_t most = 0;
  for (const auto& part : impl_->parts) most = std::max(most, part->activation_bytes);
  return most;
}
int64_t Plan::unshared_bytes() const {
  int64_t sum = 0;
  for (const auto& part : impl_->parts) sum += part->unshared_bytes;
  return sum;
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
      impl_->name, impl_->infos.size(), barriers(), sum.weight_bytes, sum.state_bytes, sum.flops,
      arena_bytes(), activation_bytes(), unshared_bytes());
  if (const RecordingCounts counts = recording_counts(); counts.dispatches > 0)
    text += fmt::format("recorded: {} dispatches, {} barriers\n", counts.dispatches, counts.barriers);
  for (const auto& part : impl_->parts)
    for (const std::string& op : part->taken_apart)
      if (const std::string line =
              fmt::format("taken apart, {} has no kernel: {}\n", part->device().name(), op);
          text.find(line) == std::string::npos)
        text += line;
  size_t part = 0, end = impl_->parts[0]->infos.size();
  bool named = impl_->parts.size() == 1;
  for (size_t i = 0; i < impl_->infos.size(); ++i) {
    for (; i >= end; named = false) end += impl_->parts[++part]->infos.size();
    const StepInfo& s = impl_->infos[i];
    if (layer >= 0 && s.layer != layer) continue;
    if (!std::exchange(named, true)) text += fmt::format("on {}:\n", impl_->parts[part]->device().name());
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
