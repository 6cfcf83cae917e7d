// What a sequence or a snapshot holds. Inner part of the state module.
#pragma once

#include <array>
#include <vector>

#include "state/state_pool.h"

namespace gannet {

// Addresses of the pages of a sequence.
using PageTable = PerMemory<std::vector<std::byte*>>;

struct StateRecord {
  explicit StateRecord(StatePool& pool_of) : pool(pool_of) {}
  // Shares everything up to the end of `other`. Takes time by the number of pages and copies no state.
  StateRecord(const StateRecord& other) : pool(other.pool) { become(other); }
  StateRecord& operator=(const StateRecord&) = delete;
  ~StateRecord() { clear(); }

  void become(const StateRecord& other);
  void clear();

  int64_t length_of(StatePart part) const { return length[part_index(part)]; }
  // Positions that only the ring knows of.
  int64_t pending() const { return length_of(StatePart::kTrunk) - base_at; }
  // Of page `index`, those that hold tokens.
  int64_t rows(StatePart part, size_t index) const;
  // Pages that hold tokens; those behind them are there to be filled.
  size_t filled_pages() const;

  // Makes the rows behind the end of `part` writable. A page with rows that another holder relies on is
  // replaced by a copy of its rows before `ends` (by part). False when memory is short; what is stored is the
  // same in any case. `table` has the addresses of the pages and follows.
  bool make_room(StatePart part, int64_t n_rows, const std::array<int64_t, 2>& ends, PageTable& table);
  // Gives the ring back if it holds nothing of this record and something of another.
  void drop_shared_ring();
  // Gives pages back until `n` are left.
  void shrink(size_t n);

  StatePool& pool;
  std::array<int64_t, kStateParts.size()> length = {};
  int64_t base_at = 0;
  std::vector<StatePiece*> pages;
  StatePiece* base = nullptr;  // null: the zero state
  StatePiece* ring = nullptr;

 private:
  void copy_rows(const StatePiece& from, const StatePiece& to, size_t index,
                 const std::array<int64_t, 2>& ends) const;
};

// Of a snapshot that is not empty.
inline const StateRecord& snapshot_record(const StateSnapshot& snapshot) {
  return *snapshot.record_;
}

}  // namespace gannet
