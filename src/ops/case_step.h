// Steps of several sequences over the data of cases, for the tests that say what rows and states must not
// depend on: a sequence's tokens are the rows of a case's token-major operands, its other operands are those
// of the first sequence in the step.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/kernel.h"
#include "backend/api/state_view.h"
#include "base/thread_team.h"
#include "ops/case_data.h"

namespace gannet {

// One sequence: what its tokens bring, and its states. A copy goes its own way.
class CaseSequence {
 public:
  // `wrong` are tokens of the same shapes that a step may run in place of the right ones.
  CaseSequence(const CaseData& tokens, const CaseData& wrong, int64_t ring_entries, int64_t page_tokens);

  int64_t first_position() const { return first_; }
  int64_t n_tokens() const { return tokens_->operand_types[token_operand_].shape.dim[0]; }

  int64_t length = 0;  // tokens run and accepted, counted as positions
  int64_t base_at = 0;
  std::vector<std::byte> base;  // all recurrent states, one after the other
  std::vector<std::byte> ring;
  std::vector<std::vector<std::byte>> pages;

 private:
  friend class CaseStep;
  const CaseData *tokens_, *wrong_;
  int64_t first_, ring_entries_, page_tokens_;
  size_t token_operand_ = 0;
};

struct CasePiece {
  CaseSequence* sequence;
  int64_t n_rows;
  int64_t n_right = -1;       // rows behind them are of wrong tokens; -1: all are right
  int64_t next_base_at = -1;  // -1: no base is stored
  bool elsewhere = false;     // base and ring are written to other memory than the old ones
  // What came of it: per result, its rows one after the other.
  std::vector<std::vector<std::byte>> results = {};
};

struct CaseStepOptions {
  int64_t padding = 0;  // rows behind those of the pieces, in memory
  int64_t exact = -1;   // -1: all rows
  int n_threads = 1;
  Device* device = nullptr;  // for a recorded kernel: where it runs
};

// Runs a kernel on the pieces, in this order, as one step, and takes length (by n_right), base_at, base, ring
// and pages of the sequences along. Returns faults: what was written that must not be.
std::vector<std::string> run_case_step(const KernelInfo& kernel, std::span<CasePiece> pieces,
                                       const CaseStepOptions& options);

// The kernel's reason against a step of so many rows of the case; null: none.
const char* refuses_rows(const KernelInfo& kernel, const CaseData& data, int64_t rows);

}  // namespace gannet
