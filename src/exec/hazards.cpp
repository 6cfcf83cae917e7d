#include "exec/hazards.h"

#include <algorithm>

#include <fmt/core.h>

namespace gannet {
namespace {

// The steps that each step comes after, by its waits and theirs.
std::vector<std::vector<bool>> closure(const Waits& waits) {
  std::vector<std::vector<bool>> after(waits.size(), std::vector<bool>(waits.size(), false));
  for (size_t step = 0; step < waits.size(); ++step)
    for (const size_t earlier : waits[step]) {
      after[step][earlier] = true;
      for (size_t i = 0; i < earlier; ++i)
        if (after[earlier][i]) after[step][i] = true;
    }
  return after;
}

Error out_of_order(const Program& program, const Hazard& hazard) {
  constexpr const char *kHere[] = {"reads", "writes", "writes"}, *kThere[] = {"writes", "reads", "writes"};
  const auto kind = static_cast<size_t>(hazard.kind);
  return {ErrorCode::kRuntime,
          fmt::format("step {} ({}) {} {}, which step {} ({}) {}, and does not wait for it", hazard.step,
                      program.steps[hazard.step].op->name, kHere[kind], to_text(program, hazard.range),
                      hazard.earlier, program.steps[hazard.earlier].op->name, kThere[kind])};
}

}  // namespace

std::vector<Hazard> hazards(const Program& program) {
  std::vector<StepRanges> all;
  for (const ProgramStep& step : program.steps) all.push_back(step_ranges(program, step));
  std::vector<Hazard> found;
  const auto compare = [&](size_t step, size_t earlier, const std::vector<Range>& here,
                           const std::vector<Range>& there, Hazard::Kind kind) {
    for (const Range& a : here)
      for (const Range& b : there)
        if (a.touches(b)) found.push_back({step, earlier, kind, a, a.own >= 0 && a.own == b.own});
  };
  for (size_t step = 0; step < all.size(); ++step)
    for (size_t earlier = 0; earlier < step; ++earlier) {
      compare(step, earlier, all[step].reads, all[earlier].writes, Hazard::Kind::kReadsWhatItWrites);
      compare(step, earlier, all[step].writes, all[earlier].reads, Hazard::Kind::kWritesWhatItReads);
      compare(step, earlier, all[step].writes, all[earlier].writes, Hazard::Kind::kWritesWhatItWrites);
    }
  return found;
}

Waits waits_for(const Program& program) {
  Waits waits(program.steps.size());
  for (const Hazard& hazard : hazards(program)) waits[hazard.step].push_back(hazard.earlier);
  std::vector<std::vector<bool>> after(waits.size(), std::vector<bool>(waits.size(), false));
  for (size_t step = 0; step < waits.size(); ++step) {
    std::vector<size_t>& list = waits[step];
    std::sort(list.begin(), list.end(), std::greater<>());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    std::erase_if(list, [&](size_t earlier) {
      if (after[step][earlier]) return true;
      after[step][earlier] = true;
      for (size_t i = 0; i < earlier; ++i)
        if (after[earlier][i]) after[step][i] = true;
      return false;
    });
    std::reverse(list.begin(), list.end());
  }
  return waits;
}

Result<void> check_waits(const Program& program, const Waits& waits) {
  const std::vector<std::vector<bool>> after = closure(waits);
  for (const Hazard& hazard : hazards(program))
    if (!after[hazard.step][hazard.earlier]) return out_of_order(program, hazard);
  return {};
}

Result<void> check_barriers(const Program& program) {
  for (const Hazard& hazard : hazards(program)) {
    bool waited = hazard.own;  // a member goes through its steps in order
    for (size_t i = hazard.earlier; i < hazard.step && !waited; ++i) waited = !program.steps[i].repeated;
    if (!waited) return out_of_order(program, hazard);
  }
  return {};
}

}  // namespace gannet
