// Memory of one size each, cut from slabs and used again. Inner part of the pool, which locks.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "state/state_layout.h"
#include "state/state_memory.h"

namespace gannet {

struct StateSlab;

// A page, a slot or a ring. Counted: sequences and snapshots share them. All fields but `data` and `slab` are
// guarded by the pool's mutex.
struct StatePiece {
  PerMemory<std::byte*> data = {};
  StateSlab* slab = nullptr;
  int64_t refs = 0;

  // Pages only. The writer, one of the holders, appends in place behind the rows that others rely on, which
  // are never written again. Without a writer the first holder that may append becomes it. Of several holders
  // that had the same past the others copy their rows.
  const void* writer = nullptr;
  std::array<int64_t, kStateParts.size()> relied_rows = {};
};

class StatePieces {
 public:
  // Pieces of so many bytes in each memory; of 0 bytes in all there are none.
  StatePieces(const PerMemory<int64_t>& bytes, PerMemory<std::shared_ptr<StateMemory>> memories);
  ~StatePieces();
  StatePieces(const StatePieces&) = delete;
  StatePieces& operator=(const StatePieces&) = delete;

  // A piece nobody holds; its content is of no meaning. Null when memory is short.
  StatePiece* take();
  void give_back(StatePiece* piece);
  // Gives slabs back of which nothing is in use.
  void trim();

  int64_t bytes() const { return bytes_; }
  int64_t in_use() const { return in_use_; }
  int64_t bytes_reserved() const { return reserved_; }

 private:
  bool grow();
  void release(const StateSlab& slab);

  PerMemory<int64_t> bytes_in_;
  int64_t bytes_ = 0;  // in all of them
  PerMemory<std::shared_ptr<StateMemory>> memories_;
  std::vector<std::unique_ptr<StateSlab>> slabs_;
  std::vector<StateSlab*> with_free_;  // slabs that have free pieces
  int64_t in_use_ = 0, reserved_ = 0;
};

}  // namespace gannet
