// A step as kernels see it: views of all layers of the trunk or the MTP block, and the segments of the
// sequences that take part.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/api/state_view.h"
#include "base/result.h"
#include "state/sequence_state.h"

namespace gannet {

// The addresses of views are stable for the life of the object, so plans bind to them once and every run sees
// the segments that were added last. One thread at a time.
class StepBindings {
 public:
  StepBindings(std::shared_ptr<const StatePool> pool, StatePart part);
  StepBindings(const StepBindings&) = delete;
  StepBindings& operator=(const StepBindings&) = delete;

  // Address of the KvView or RecurrentView of a state name; null when the part has no such layer.
  void* find(const std::string& name);

  // A new step without segments. A reader of the first finds an empty one.
  void begin();
  // Prepares `sequence` (SequenceState::prepare says how, and what the last two mean) and gives it the rows
  // [first_row, first_row + n_rows), which must be the next ones. A sequence is added once, and stays at its
  // address until ran(). Errors: those of prepare(); the step has no segment of it then.
  Result<void> add(SequenceState& sequence, int64_t first_row, int64_t n_rows, bool kept,
                   int64_t base_after = -1);
  // As layers of a memory see it.
  const StepView& view(size_t memory = 0) const { return steps_[memory]; }
  // The plan ran: tells all sequences. They are committed one by one, each by its own number of rows.
  void ran();

 private:
  std::shared_ptr<const StatePool> pool_;
  StatePart part_;
  std::map<std::string, void*> by_name_;
  std::vector<KvView> kv_;
  std::vector<RecurrentView> recurrent_;
  PerMemory<std::vector<StepSegment>> segments_;
  std::vector<SequenceState*> sequences_;
  PerMemory<StepView> steps_;
};

}  // namespace gannet
