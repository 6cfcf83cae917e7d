// State of sequences: paged KV cache plus recurrent conv and delta state, as one value that can be forked,
// snapshotted, rolled back and released. Nothing is copied by fork, snapshot or rollback: pages and recurrent
// slots are counted references, and a run that follows writes to fresh memory where somebody else still holds
// the old (kernels read the old recurrent state and write the new one in the same pass; only a shared, partly
// filled KV page is copied). Knows nothing about models: a StateLayout says what each sequence keeps. Not
// thread-safe: one pool and its sequences belong to one thread at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/api/state_view.h"
#include "base/result.h"
#include "tensor/shape.h"

namespace gannet {

struct StateLayout {
  struct KvLayer {
    std::string name;  // state name in the graph: "kv.3"
    int64_t n_kv_heads, head_dim;
  };
  struct Recurrent {
    std::string name;  // "conv.0", "delta.0"
    Shape shape;       // F32
  };
  std::vector<KvLayer> kv;
  std::vector<Recurrent> recurrent;
  DType k_type = DType::kF16, v_type = DType::kF16;

  int64_t kv_bytes_per_token() const;
  int64_t recurrent_bytes() const;  // per sequence
};

inline constexpr int64_t kPageTokens = 64;

class StatePool;
class SequenceState;

// A remembered point of one sequence. Cheap to hold except that it keeps its memory alive.
class StateSnapshot {
 public:
  int64_t length() const;

 private:
  friend class SequenceState;
  struct Content;
  std::shared_ptr<const Content> content_;
};

// Views of one sequence's state for plans. Addresses are stable for the life of the object, so plans bind to
// them once and every run sees whatever bind() put in last.
class StateBindings {
 public:
  explicit StateBindings(const StateLayout& layout);
  StateBindings(const StateBindings&) = delete;
  StateBindings& operator=(const StateBindings&) = delete;

  // Address of the KvView or RecurrentView of a state name; null when the layout has no such name.
  void* find(const std::string& name);

 private:
  friend class SequenceState;
  std::map<std::string, void*> by_name_;
  std::vector<KvView> kv_;
  std::vector<RecurrentView> recurrent_;
  std::vector<std::byte*> pages_;
};

class SequenceState {
 public:
  // An empty sequence: length 0, recurrent state zero.
  explicit SequenceState(std::shared_ptr<StatePool> pool);
  SequenceState(SequenceState&&) noexcept;
  SequenceState& operator=(SequenceState&&) noexcept;
  ~SequenceState();

  int64_t length() const;

  // An independent sequence with the same past. O(pages), copies no state.
  SequenceState fork() const;

  StateSnapshot snapshot() const;
  // Back to the remembered point, of this or any sequence of the same pool. The snapshot stays usable.
  void rollback(const StateSnapshot& snapshot);

  // Length 0, zero state; memory goes back to the pool.
  void clear();

  // Makes room for n_tokens more and points `bindings` at the state. Between prepare() and commit() only the
  // bound plan may touch the state. Errors: kRuntime when the context limit is passed (names both numbers),
  // kOutOfMemory.
  Result<void> prepare(int64_t n_tokens, StateBindings& bindings);

  // The plan ran: the sequence is n_tokens longer. Fewer than were prepared may be kept when the layout has
  // no recurrent state (rows of K and V behind the end count for nothing); recurrent state is that behind all
  // of them, so anything else is a bug and aborts. Without commit the sequence stays where it was, but
  // recurrent state that no snapshot shares has been written by a plan that ran: to go back, take a snapshot
  // before.
  void commit(int64_t n_tokens);

 private:
  SequenceState(std::shared_ptr<StatePool> pool, std::shared_ptr<StateSnapshot::Content> content);

  std::shared_ptr<StatePool> pool_;
  std::shared_ptr<StateSnapshot::Content> content_;
  int64_t prepared_ = 0;                  // tokens between prepare() and commit()
  std::shared_ptr<std::byte> next_slot_;  // recurrent state being written between prepare() and commit()
};

// Memory for the sequences of one model, in huge pages where the system gives them. Keeps freed pages for
// reuse.
class StatePool : public std::enable_shared_from_this<StatePool> {
 public:
  // `max_tokens`: longest sequence allowed.
  StatePool(StateLayout layout, int64_t max_tokens);

  const StateLayout& layout() const { return layout_; }
  int64_t max_tokens() const { return max_tokens_; }
  int64_t pages_in_use() const { return pages_in_use_; }
  int64_t slots_in_use() const { return slots_in_use_; }

 private:
  friend class SequenceState;
  using Memory = std::shared_ptr<std::byte>;
  Memory new_page();  // null when memory is short
  Memory new_slot();
  struct Pieces;
  Memory take(Pieces& pieces, int64_t& in_use);

  StateLayout layout_;
  int64_t max_tokens_;
  int64_t page_bytes_;
  int64_t slot_bytes_;
  struct Slabs;
  std::shared_ptr<Slabs> slabs_;
  int64_t pages_in_use_ = 0;
  int64_t slots_in_use_ = 0;
};

}  // namespace gannet
