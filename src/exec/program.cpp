#include "exec/program.h"

#include <fmt/core.h>

namespace gannet {
namespace {

Range range_of(const Slot& slot) {
  if (slot.state >= 0) return {Range::Space::kState, slot.state, 0, 1};
  const int64_t begin = slot.tensor.place.offset;
  const int64_t end = begin + extent_bytes(view_at(nullptr, slot.tensor));
  if (slot.home == Home::kBuffer || slot.home == Home::kRun)
    return {Range::Space::kBuffer, static_cast<int64_t>(slot.tensor.place.buffer), begin, end};
  return {Range::Space::kArena, 0, begin, end};
}

// A slot of which members have copies is all of these.
Range range_of(const Slot& slot, int n_members) {
  Range range = range_of(slot);
  if (slot.home != Home::kMember) return range;
  range.end += (n_members - 1) * slot.member_bytes;
  range.own = slot.storage;
  return range;
}

std::string slot_text(const Program& program, const Slot& slot) {
  if (slot.home == Home::kNone) return "_";
  const TensorType type{slot.tensor.dtype, slot.tensor.shape};
  const int64_t at = slot.tensor.place.offset;
  switch (slot.home) {
    case Home::kBuffer:
      return fmt::format("{} buffer {}+{}", to_text(type), static_cast<uint32_t>(slot.tensor.place.buffer),
                         at);
    case Home::kRun:
      return fmt::format("{} run+{}", to_text(type), at);
    case Home::kArena:
      return fmt::format("{} arena+{}", to_text(type), at);
    case Home::kMember:
      return fmt::format("{} arena+{} of each member", to_text(type), at);
    case Home::kState:
      return program.states[static_cast<size_t>(slot.state)].name;
    default:
      return fmt::format("{} {}{}+{}", to_text(type), slot.home == Home::kStateRead ? "" : "next ",
                         program.states[static_cast<size_t>(slot.state)].name, at);
  }
}

}  // namespace

StepRanges step_ranges(const Program& program, const ProgramStep& step) {
  StepRanges ranges;
  for (const Slot& slot : program.operands(step)) {
    if (slot.home == Home::kNone) continue;
    ranges.reads.push_back(range_of(slot, program.n_members));
    if (slot.home == Home::kState && step.op->writes_state) ranges.writes.push_back(ranges.reads.back());
  }
  for (const Slot& slot : program.results(step)) ranges.writes.push_back(range_of(slot, program.n_members));
  if (step.workspace > 0)
    ranges.writes.push_back(
        {Range::Space::kArena, 0, program.workspace_offset, program.workspace_offset + step.workspace});
  return ranges;
}

std::string to_text(const Program& program, const Range& range) {
  switch (range.space) {
    case Range::Space::kBuffer:
      return fmt::format("buffer {}+{}..{}", range.number, range.begin, range.end);
    case Range::Space::kArena:
      return fmt::format("arena+{}..{}", range.begin, range.end);
    case Range::Space::kState:
      break;
  }
  return "state " + program.states[static_cast<size_t>(range.number)].name;
}

std::string to_text(const Program& program) {
  std::string text = fmt::format("program {}: {} steps, arena {} bytes\n", program.name, program.steps.size(),
                                 program.arena_bytes);
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const ProgramStep& step = program.steps[i];
    text += fmt::format("{:4} {} {}", i, step.op->name, step.kernel->name);
    if (step.workspace > 0) text += fmt::format(" (workspace {})", step.workspace);
    const char* between = ": ";
    for (const Slot& slot : program.results(step)) {
      text += between + slot_text(program, slot);
      between = ", ";
    }
    between = " <- ";
    for (const Slot& slot : program.operands(step)) {
      text += between + slot_text(program, slot);
      between = ", ";
    }
    text += "\n";
  }
  for (const ProgramOutput& output : program.outputs)
    text += fmt::format("output {} = {}\n", output.name, slot_text(program, program.slots[output.slot]));
  return text;
}

}  // namespace gannet
