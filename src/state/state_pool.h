// Memory for the sequences of one model, snapshots of them that may be given up when it gets short, and
// counts of both.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "state/pieces.h"
#include "state/state_layout.h"
#include "state/state_memory.h"

namespace gannet {

struct StateRecord;
class StatePool;

struct StatePoolOptions {
  int64_t max_tokens = 0;  // longest sequence allowed
  // Most rows of a step, per sequence, of which some may be taken back although there is recurrent state; 0
  // to 64. With 0 there are no rings, and the base is always that of the whole sequence.
  int64_t open_rows = 8;
  // So many positions between base and end of a sequence make the next step store the base anew; at least 1.
  // More of them save writes of the state and cost work of going through the ring.
  int64_t fold_at = 1;
  int64_t most_bytes = 0;  // of pages, slots and rings in use; 0: as many as the memory has
  // As StateLayout counts them; null: nothing lies there.
  PerMemory<std::shared_ptr<StateMemory>> memories = {host_state_memory()};
};

struct StateCounters {
  int64_t pages = 0, slots = 0, rings = 0;  // in use
  int64_t bytes_in_use = 0, bytes_reserved = 0;
  int64_t page_copies = 0, bytes_copied = 0;  // rows of K and V that somebody else relied on
  int64_t given_up = 0, bytes_given_up = 0;   // kept snapshots that had to go
};

// A remembered point of a sequence. Cheap but for the memory that it keeps in use. Immutable; copies may be
// used by several threads.
class StateSnapshot {
 public:
  StateSnapshot() = default;  // of an empty sequence
  int64_t length(StatePart part = StatePart::kTrunk) const;

 private:
  friend class SequenceState;
  friend class StateBuilder;
  friend class StatePool;
  friend const StateRecord& snapshot_record(const StateSnapshot& snapshot);
  std::shared_ptr<StatePool> pool_;  // outlives the record
  std::shared_ptr<const StateRecord> record_;
};

// Made by make_shared; sequences and snapshots keep it alive. Thread-safe.
class StatePool : public std::enable_shared_from_this<StatePool> {
 public:
  StatePool(StateLayout layout, StatePoolOptions options);
  ~StatePool();

  const StateLayout& layout() const { return layout_; }
  const StatePlaces& places() const { return places_; }
  const StatePoolOptions& options() const { return options_; }
  StateCounters counters() const;
  bool lost() const;  // StateMemory::lost() of any memory: nothing that is read from here on is to be kept

  // Keeps `snapshot` until forget(), or until memory is short and its turn comes. The first to go is the one
  // with the most bytes that nobody else holds, per token that would have to be read again, times one more
  // than the number of keep() and find() that were for others since its own last. A snapshot of which the
  // caller holds a copy does not go. `note` says what it is of, for explain().
  using KeptId = uint64_t;
  KeptId keep(StateSnapshot snapshot, std::string note);
  // Nothing when it was given up or forgotten.
  std::optional<StateSnapshot> find(KeptId id);
  void forget(KeptId id);
  // The kept snapshots, one per line, the first to go first, with the reason.
  std::string explain() const;

 private:
  friend struct StateRecord;
  friend class SequenceState;
  friend class StateBuilder;
  enum Kind : uint8_t { kPage, kSlot, kRing };
  struct Kept {
    KeptId id;
    std::shared_ptr<const StateRecord> record;
    std::string note;
    uint64_t used;  // uses_ at its last use
  };
  struct Worth;

  // Null when memory is short and no kept snapshot is left to give up. The new piece has one holder, who
  // writes it.
  StatePiece* take(Kind kind, const void* holder = nullptr);
  // With the mutex held.
  void drop_locked(Kind kind, StatePiece* piece, const void* holder);
  Worth worth_locked(const Kept& kept) const;
  std::shared_ptr<const StateRecord> give_up_locked();
  int64_t bytes_in_use_locked() const;

  void drop(Kind kind, StatePiece* piece, const void* holder = nullptr);
  // Another reference to the state of an empty sequence, or null as take().
  StatePiece* zero_slot();
  // Whether nobody but the caller holds the piece; it is the caller's to change then.
  bool sole(StatePiece* piece);
  Error short_of_memory(int64_t n_tokens) const;

  StateLayout layout_;
  StatePoolOptions options_;
  StatePlaces places_;
  mutable std::mutex mutex_;
  std::array<StatePieces, 3> pieces_;  // by Kind
  StatePiece* zero_ = nullptr;         // not counted: gone with its last holder
  std::list<Kept> kept_;
  uint64_t uses_ = 0;
  StateCounters counts_;  // those of copies and snapshots
};

}  // namespace gannet
