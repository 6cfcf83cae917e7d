// One execution of a case: memory for its operands, states, results and workspace, laid out on purpose so
// that a kernel that strays is noticed. Every buffer lies between guard bytes, everything that must not be
// read is NaN.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/api/kernel.h"
#include "backend/api/recorder.h"
#include "backend/api/state_view.h"
#include "base/thread_team.h"
#include "ops/case_data.h"

namespace gannet {

// Bytes between two guard zones, 64-byte aligned plus `offset`, all 0xFF at first (a NaN in every float
// type).
class GuardedBuffer {
 public:
  explicit GuardedBuffer(int64_t bytes, int64_t offset = 0);
  std::byte* data() { return at_; }
  const std::byte* data() const { return at_; }
  int64_t size() const { return bytes_; }
  bool guards_intact() const;
  std::span<std::byte> with_guards() { return storage_; }

 private:
  std::vector<std::byte> storage_;
  std::byte* at_;
  int64_t bytes_;
};

struct RunOptions {
  // Strided operands lie at 4 bytes past an aligned address with gaps between rows (and KV pages are
  // smaller); operands that the op takes with any stride have gaps between elements too.
  bool strided = false;
  // Strided operands of ops that take any strides lie with their last axis outermost.
  bool permuted = false;
  // Recurrent states are read and written in the same memory.
  bool same_state = false;
};

// What a run leaves behind, for comparison.
struct Outcome {
  std::vector<std::vector<std::byte>> results;  // contiguous
  std::vector<std::vector<float>> recurrent;    // per recurrent operand: the state after the run
  std::vector<std::byte> pages;                 // all KV pages, one after the other
  std::vector<float> kv_rows;                   // all rows in them, those of the run too, as floats
};

class CaseRun {
 public:
  CaseRun(const CaseData& data, const RunOptions& options);

  const std::vector<TensorView>& operands() const { return operands_; }
  const std::vector<TensorView>& results() const { return results_; }

  // The one segment of the step, for tests that run a case in pieces.
  StepSegment& segment() { return segment_; }

  // Runs `kernel` once on `team`.
  void run(const KernelInfo& kernel, ThreadTeam& team, const StepRows& rows = {});

  // Records `kernel` on a device, with copies of all memory there, and replays it; then all of it comes back,
  // guard bytes included. Errors: the device's.
  Result<RecordingCounts> run_recorded(const KernelInfo& kernel, Device& device, const StepRows& rows = {});

  Outcome outcome() const;

  // One line per broken rule: damaged guards, changed operands, changed old KV rows or pages beyond the new
  // rows, a changed state that was only to be read.
  std::vector<std::string> faults() const;

 private:
  struct Memory {
    std::string what;
    std::unique_ptr<GuardedBuffer> buffer;
    std::vector<std::byte> before;  // not empty: must be unchanged
  };
  Memory& allocate(const std::string& what, int64_t bytes, int64_t offset = 0);
  void freeze(Memory& memory);
  void place_tensor(const OperandData& operand, const CaseOperand& definition, Access access,
                    const std::string& name);
  void place_bases(const CaseData& data);
  void place_recurrent(const OperandData& operand, int64_t& offset);
  void place_kv(const OperandData& operand, const std::string& name);

  const CaseData& data_;
  RunOptions options_;
  std::vector<std::unique_ptr<Memory>> memory_;
  std::vector<TensorView> operands_, results_;
  StepSegment segment_;  // the one of the step, seen by all states
  StepView step_;
  struct Recurrent {
    RecurrentView view;
    int64_t elements;
  };
  std::vector<std::unique_ptr<Recurrent>> recurrent_;
  std::unique_ptr<KvView> kv_;
  std::vector<std::byte*> page_table_;
  std::vector<std::vector<std::byte>> pages_before_;
  int64_t page_bytes_ = 0;
  int64_t kv_changes_ = 0;  // rows behind n_past that the op may write
};

// Compares a run with the reference's. Empty when it agrees: F32 results and states to `nmse` (0: bitwise),
// rounded activations to `nmse` or kRoundedNmse, whichever is larger, with sums that fit their codes, integer
// results exactly, and so KV pages unless the case has a tolerance for their rows.
//
// A float32 error in front of the rounding can move a value to the next code; that happens to about one value
// in 10^5 and changes it by 0.03 of its size. Rounding in a wrong way (down, say) gives 1e-4.
inline constexpr double kRoundedNmse = 1e-5;
std::vector<std::string> compare(const CaseData& data, const Outcome& run, const Outcome& reference,
                                 double nmse);

// sum (a-b)^2 / sum b^2. Infinite when a value is finite on one side only.
double normalised_error(const float* a, const float* b, int64_t n);

}  // namespace gannet
