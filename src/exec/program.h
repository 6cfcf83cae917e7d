// A program: a graph as a list of steps whose operands and results have places. It names kernels and does not
// run them: an executor for the device's kind does (cpu_executor.h), or records it once and replays it. What
// changes from run to run lies in the run block (run_block.h) and in what state views point at.
#pragma once

#include <string>
#include <vector>

#include "backend/api/kernel.h"
#include "backend/api/placed_tensor.h"
#include "ir/graph.h"

namespace gannet {

// Where a value lies, and what its place is relative to.
enum class Home : uint8_t {
  kNone,        // an optional operand that is not given
  kBuffer,      // a buffer: parameters
  kRun,         // the run block, a buffer too: inputs
  kArena,       // the arena, whose buffer is known when the program runs
  kMember,      // the same, a copy for every member of the team
  kState,       // no memory of its own: the view of a state, see ProgramState
  kStateRead,   // what a recurrent state is read from: its base, of the one segment that such a run has
  kStateWrite,  // what it is written to, the next base
};

struct Slot {
  Home home = Home::kNone;
  PlacedTensor tensor;       // buffer only for kBuffer and kRun
  int state = -1;            // index into Program::states; kState, kStateRead, kStateWrite
  int64_t member_bytes = 0;  // kMember: distance of the copies
  int64_t storage = 0;       // kArena, kMember: offset of the whole value that this is a part of
};

struct ProgramState {
  std::string name;
  TensorType type;
  const void* view;  // a KvView or RecurrentView
};

struct ProgramStep {
  const OpDef* op = nullptr;
  const KernelInfo* kernel = nullptr;
  AttrBytes attrs;
  size_t first_operand = 0, n_operands = 0;  // slots
  size_t first_result = 0, n_results = 0;
  int64_t workspace = 0;  // bytes at Program::workspace_offset of the arena
  // Small and without an effect on others: every member of a team may compute all of it for itself (kMember).
  bool repeated = false;
};

struct ProgramInput {
  std::string name;
  InputSource source;
  size_t slot;
};
struct ProgramOutput {
  std::string name;
  size_t slot;
};

struct Program {
  std::string name;
  DeviceKind device = DeviceKind::kCpu;
  int n_members = 1;  // the largest team that may run it
  int64_t rows = 0;   // of the step it is for, by its inputs; 0: they do not tell
  std::vector<Slot> slots;
  std::vector<ProgramStep> steps;
  std::vector<ProgramState> states;
  std::vector<ProgramInput> inputs;
  std::vector<ProgramOutput> outputs;
  int64_t arena_bytes = 0;  // workspace included
  int64_t workspace_offset = 0;

  std::span<const Slot> operands(const ProgramStep& step) const {
    return std::span(slots).subspan(step.first_operand, step.n_operands);
  }
  std::span<const Slot> results(const ProgramStep& step) const {
    return std::span(slots).subspan(step.first_result, step.n_results);
  }
};

// A piece of memory that a step reads or writes. Two of them touch when they are in the same space and number
// and their bytes overlap. A state is one piece.
struct Range {
  enum class Space : uint8_t { kBuffer, kArena, kState };
  Space space = Space::kArena;
  int64_t number = 0;  // of the buffer or the state
  int64_t begin = 0, end = 0;
  int64_t own = -1;  // the storage of which every member has a copy; -1: all share it

  bool touches(const Range& other) const {
    return space == other.space && number == other.number && begin < other.end && other.begin < end;
  }
};
struct StepRanges {
  std::vector<Range> reads, writes;
};
StepRanges step_ranges(const Program& program, const ProgramStep& step);

// "arena+0..4096", "buffer 3+64..128", "state kv.3".
std::string to_text(const Program& program, const Range& range);

// The whole program, one line per step: number, op, kernel, results <- operands with their places.
std::string to_text(const Program& program);

}  // namespace gannet
