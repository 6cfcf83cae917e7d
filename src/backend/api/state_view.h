// What an op sees of the state of the sequences in a step. The state module owns the memory and fills these
// views before a plan runs; kernels read and write through them, so nothing is gathered and nothing is copied
// back. Addresses are those of the device that runs the plan.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "tensor/dtype.h"
#include "tensor/half.h"

namespace gannet {

// One sequence's part of a step: consecutive tokens, in the rows [first_row, first_row + n_rows).
//
// Recurrent state is a base, which holds the sequence up to position `base_at`, and a ring with an entry for
// each later position: what a token did to the state, so that it can be done again without the token. Going
// back is a smaller n_past in the next step; whatever the ring holds from there on counts for nothing. A
// kernel goes through the positions base_at .. n_past + n_rows - 1 in order: before n_past it applies the
// entry of the ring, from n_past on it computes the row. Where the state has reached next_base_at it is
// stored in next_base, and rows from there on leave their entries in next_ring. Applying an entry gives the
// same bits as computing the row did, so results do not depend on where a base was stored.
//
// Either next_base_at == base_at, and no base is written; or n_past <= next_base_at <= n_past + n_rows, and
// next_base may be base. When the rings differ, the second holds. At most ring_entries positions lie between
// base_at and the end, those before next_base_at not counted when they are rows of this step; in one ring, no
// entry of a row takes the place of an entry that is read.
struct StepSegment {
  int64_t first_row = 0, n_rows = 0;
  int64_t n_past = 0;                 // position of the first row
  std::byte* const* pages = nullptr;  // KV pages; they cover n_past + n_rows tokens
  const std::byte* base = nullptr;    // recurrent states of all layers
  std::byte* next_base = nullptr;
  const std::byte* ring = nullptr;  // entries of the positions base_at .. n_past - 1
  std::byte* next_ring = nullptr;   // for the entries of rows; may be ring
  int64_t base_at = 0, next_base_at = 0;
  int64_t ring_entries = 0;  // position p has entry p % ring_entries

  GANNET_INLINE int64_t end_row() const { return first_row + n_rows; }
  // After how many of its rows the base is stored; -1: it is not.
  GANNET_INLINE int64_t base_after() const { return next_base_at == base_at ? -1 : next_base_at - n_past; }
  // How many rows, from its first, leave no entry.
  GANNET_INLINE int64_t rows_in_base() const { return next_base_at > n_past ? next_base_at - n_past : 0; }
};

// All segments of a step. The rows of a step are those of its segments, each in one, in rising order.
struct StepView {
  const StepSegment* segments = nullptr;
  int64_t n_segments = 0;

  GANNET_INLINE int64_t n_rows() const { return n_segments == 0 ? 0 : segments[n_segments - 1].end_row(); }
  // For ops that have one sequence per run (those of naive graphs).
  GANNET_INLINE const StepSegment& only() const {
    GANNET_CHECK(n_segments == 1, "this op takes one sequence at a time");
    return segments[0];
  }
};

// The segment of a row, for rows that are asked for in rising order.
class SegmentWalk {
 public:
  GANNET_INLINE explicit SegmentWalk(const StepView& step) : at_(step.segments) {}
  GANNET_INLINE const StepSegment& of(int64_t row) {
    while (row >= at_->end_row()) ++at_;
    return *at_;
  }

 private:
  const StepSegment* at_;
};

// Entries of a ring in the order of their positions.
template <class Float>
class RingWalk {
 public:
  GANNET_INLINE RingWalk(Float* ring, int64_t n_entries, int64_t entry_floats, int64_t position)
      : ring_(ring), end_(ring + n_entries * entry_floats), step_(entry_floats) {
    at_ = n_entries == 0 ? ring : ring + position % n_entries * entry_floats;
  }
  GANNET_INLINE Float* entry() const { return at_; }
  GANNET_INLINE void next() {
    at_ += step_;
    if (at_ == end_) at_ = ring_;
  }

 private:
  Float *ring_, *end_, *at_;
  int64_t step_;
};

// K and V of one attention layer, in pages of `page_tokens` tokens. Token t of a sequence lies in page
// t / page_tokens at slot t % page_tokens; inside a page, K is [n_kv_heads, page_tokens, head_dim] of k_type
// at k_offset and V the same of v_type at v_offset. K is stored after norm and RoPE.
struct KvView {
  const StepView* step = nullptr;
  int64_t k_offset = 0, v_offset = 0;
  int64_t page_tokens = 0;
  int64_t n_kv_heads = 0, head_dim = 0;
  DType k_type = DType::kF16, v_type = DType::kF16;
};

// A recurrent state of one layer, F32. Its base lies base_offset bytes into a segment's bases: the conv
// window [n_taps - 1, n_channels], oldest row first, or the delta matrix [Hv, S, S]. Entry i of its ring lies
// ring_offset + i * entry_bytes into the segment's ring: for conv the row of inputs [n_channels], for delta
// the decay [Hv], the normalised key [Hk, S] and the error times beta [Hv, S], one after the other.
struct RecurrentView {
  const StepView* step = nullptr;
  int64_t base_offset = 0;
  int64_t ring_offset = 0, entry_bytes = 0;

  GANNET_INLINE const float* base(const StepSegment& s) const {
    return reinterpret_cast<const float*>(s.base + base_offset);
  }
  GANNET_INLINE float* next_base(const StepSegment& s) const {
    return reinterpret_cast<float*>(s.next_base + base_offset);
  }
  // The states before and after the step, for ops that know nothing of rings (those of naive graphs).
  GANNET_INLINE const float* before() const {
    const StepSegment& s = step->only();
    GANNET_CHECK(s.base_at == s.n_past, "a state with entries in the ring");
    return base(s);
  }
  GANNET_INLINE float* after() const {
    const StepSegment& s = step->only();
    GANNET_CHECK(s.base_after() == s.n_rows, "a state that is not stored behind the last row");
    return next_base(s);
  }
  // The entries that are read, from `position` on, and those that are written.
  GANNET_INLINE RingWalk<const float> entries(const StepSegment& s, int64_t position) const {
    return {reinterpret_cast<const float*>(s.ring + ring_offset), s.ring_entries, entry_floats(), position};
  }
  GANNET_INLINE RingWalk<float> next_entries(const StepSegment& s, int64_t position) const {
    return {reinterpret_cast<float*>(s.next_ring + ring_offset), s.ring_entries, entry_floats(), position};
  }
  GANNET_INLINE int64_t entry_floats() const { return entry_bytes / int64_t{sizeof(float)}; }
};

}  // namespace gannet
