// Which steps of a program must wait for which, by what they read and write. For executors that start steps
// before earlier ones are done, and for the tests of all others.
#pragma once

#include <vector>

#include "base/result.h"
#include "exec/program.h"

namespace gannet {

// `step` touches memory that `earlier` has touched, and one of them writes it.
struct Hazard {
  enum class Kind : uint8_t { kReadsWhatItWrites, kWritesWhatItReads, kWritesWhatItWrites };
  size_t step, earlier;
  Kind kind;
  Range range;  // of `step`
  bool own;     // both steps, in each member, touch only this member's copy
};

// All of them, by rising step, one per pair of steps and range. Quadratic in the number of steps: not for the
// token path.
std::vector<Hazard> hazards(const Program& program);

// For each step the earlier ones it has to wait for. Steps that those wait for are left out.
using Waits = std::vector<std::vector<size_t>>;
Waits waits_for(const Program& program);

// Whether these waits, one through the other, keep all hazards in order. Errors (kRuntime) name the two steps
// and the memory: "step 7 (add) writes arena+0..64, which step 3 (sum) reads, and does not wait for it".
Result<void> check_waits(const Program& program, const Waits& waits);

// The same for what the CPU's executor does: members wait for each other behind each step that is not
// repeated, and nowhere else.
Result<void> check_barriers(const Program& program);

}  // namespace gannet
