// The state of one sequence: K and V in pages, the recurrent state of convolutions and delta rules as a base
// and a ring (backend/api/state_view.h), for the trunk and the MTP block together. A value that can be
// forked, snapshotted, rolled back and cut short, all without copying state. Knows nothing about models: a
// StateLayout says what each sequence keeps.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "backend/api/state_view.h"
#include "base/result.h"
#include "state/state_pool.h"

namespace gannet {

// The same rows of a sequence, as layers see them by the memory that they lie in.
using StepSegments = PerMemory<StepSegment>;

// One thread at a time uses a sequence; different sequences of a pool may be on different threads.
class SequenceState {
 public:
  // An empty sequence: length 0, recurrent state zero.
  explicit SequenceState(std::shared_ptr<StatePool> pool);
  SequenceState(SequenceState&&) noexcept;
  SequenceState& operator=(SequenceState&&) noexcept;
  ~SequenceState();

  const StatePool& pool() const { return *pool_; }
  int64_t length(StatePart part = StatePart::kTrunk) const;
  // The shortest that truncate() can make it: 0, or where the base of the recurrent state is.
  int64_t earliest(StatePart part = StatePart::kTrunk) const;

  // The following drop steps that have not run, so their plans must not run any more; rollback(), clear() and
  // truncate() (of its part) drop those that ran as well. What was committed is what forks and snapshots
  // hold. They take time by the number of pages.

  // An independent sequence with the same past.
  SequenceState fork();
  StateSnapshot snapshot();
  // Back (or forth) to the remembered point, of this or any sequence of the same pool. The snapshot stays
  // usable.
  void rollback(const StateSnapshot& snapshot);
  // Length 0, zero state; memory goes back to the pool.
  void clear();
  // Forgets the tokens of `part` from `length` on. False, and nothing happens, when it is not from earliest()
  // to length().
  [[nodiscard]] bool truncate(StatePart part, int64_t length);

  // A step goes through prepare(), the run of a plan, ran() and commit(). The two parts may each have one in
  // progress. Without commit(), whether it ran or not, the sequence stays as long as it was.

  // Makes room for n_rows tokens more and fills all of `segments` but first_row, for each memory with its
  // addresses. Memory that others rely on is
  // not written. `kept` promises that commit() keeps all rows of the step, and the recurrent state is stored
  // behind them; otherwise it may keep any number if there are at most open_rows (see StatePoolOptions), and
  // the state is stored now and then. More rows than that are kept in any case, except where a part has no
  // recurrent state: there any number of rows may be taken back. `base_after` >= 0, of a kept step: the
  // recurrent state is stored behind so many of its rows instead, at most open_rows from its end, and
  // truncate() can go back to there. The segments are good until ran(), or until the step is dropped.
  // Errors: kRuntime when the context limit is passed (names both numbers), kOutOfMemory; the sequence holds
  // what it held.
  Result<void> prepare(StatePart part, int64_t n_rows, bool kept, StepSegments& segments,
                       int64_t base_after = -1);
  // The plan ran. To be called at once, whatever comes of its results: a base may have been rewritten.
  void ran(StatePart part);
  // The first n_rows of the step are part of the sequence now. Others than those that ran, or a part of those
  // that had to be kept, are a bug and abort; 0 gives the step up.
  void commit(StatePart part, int64_t n_rows);
  // Gives up the step of `part`, if there is one.
  void cancel(StatePart part) { commit(part, 0); }

 private:
  struct Content;
  SequenceState(std::shared_ptr<StatePool> pool, std::unique_ptr<Content> content);
  void drop_steps_not_run();

  std::shared_ptr<StatePool> pool_;  // outlives the content
  std::unique_ptr<Content> content_;
};

}  // namespace gannet
