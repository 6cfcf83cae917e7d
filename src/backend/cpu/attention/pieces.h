// How a step is cut into pieces of work. Nothing here may change a result: which rows share a block and
// whether the spans of a block are given to several members follows from the whole step, so what a row is
// made of (the borders of spans and tiles, and the order they are taken in) must not follow from either.
// Internal to backend/cpu/attention.
#pragma once

#include "backend/cpu/attention/attention.h"

namespace gannet::GANNET_ISA_NS {

GANNET_INLINE int64_t round_up(int64_t n, int64_t step) {
  return (n + step - 1) / step * step;
}
GANNET_INLINE int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

struct AttentionSizes {
  int64_t n_tokens, n_heads, kv_heads, d, stride, group;

  GANNET_INLINE AttentionSizes(const Shape& q, const Shape& k)
      : n_tokens(q.dim[0]),
        n_heads(q.dim[1]),
        kv_heads(k.dim[1]),
        d(q.dim[2]),
        stride(round_up(d, 16)),
        group(n_heads / kv_heads) {}
};

// Spans of the context, by position alone: 16 of 256 positions, then 8 from each power of two to the next, so
// that the longest are an eighth of the shorter half of a long context. The last one has no end.
inline constexpr int64_t kSpans = 80, kEvenSpans = 16, kEvenLength = 256, kSpansPerDoubling = 8;
GANNET_INLINE int64_t span_begin(int64_t i) {
  if (i <= kEvenSpans) return i * kEvenLength;
  const int64_t start = (kEvenSpans * kEvenLength) << ((i - kEvenSpans) / kSpansPerDoubling);
  return start + (i - kEvenSpans) % kSpansPerDoubling * (start / kSpansPerDoubling);
}
GANNET_INLINE int64_t span_end(int64_t i) {
  return i + 1 < kSpans ? span_begin(i + 1) : int64_t{1} << 62;
}
// How many spans hold the first `context` positions.
GANNET_INLINE int64_t spans_of(int64_t context) {
  int64_t n = 1;
  while (span_end(n - 1) < context) ++n;
  return n;
}

inline constexpr int64_t kBlockRows = 8;   // rows of a block that goes by spans
inline constexpr int64_t kQueryRows = 64;  // rows times heads of a tiled block

// Rows of one sequence that read the context together.
struct RowBlock {
  const StepSegment* segment;
  int64_t first, n_rows;  // from the first row of the segment

  GANNET_INLINE int64_t row(int64_t t) const { return segment->first_row + first + t; }
  // Positions that row t sees.
  GANNET_INLINE int64_t visible(int64_t t) const { return segment->n_past + first + t + 1; }
  GANNET_INLINE int64_t context() const { return visible(n_rows - 1); }
};

// How many rows of a segment, from its first, go by spans. Rows that need not be exact do when there are too
// few of them to share the work out otherwise.
GANNET_INLINE int64_t rows_by_spans(const StepSegment& segment, int64_t exact) {
  int64_t n = exact - segment.first_row;
  n = n < 0 ? 0 : least(n, segment.n_rows);
  return segment.n_rows - n <= kBlockRows ? segment.n_rows : n;
}
GANNET_INLINE RowBlock block_of(const StepSegment& segment, int64_t t, int64_t by_spans) {
  const int64_t first = t / kBlockRows * kBlockRows;
  return {&segment, first, least(kBlockRows, by_spans - first)};
}

// Partial results: per row and head of a block and span the output, the largest score and the sum. There is
// room for some blocks; the others are done by one member per KV head, span after span.
GANNET_INLINE int64_t partial_rows(const AttentionSizes& n) {
  return least(n.n_tokens, kBlockRows) * kSpans;
}

// A block and how its work is divided.
struct AttentionPieces {
  RowBlock block;
  bool tiled;
  int64_t count;    // of pieces
  int64_t spans;    // 0: not divided
  int64_t partial;  // first row in the partial results, when it is
};

// Walks the blocks in their order: first tiled ones, then those that go by spans.
class PieceWalk {
 public:
  GANNET_INLINE PieceWalk(const AttentionUse& use, const AttentionSizes& n)
      : step_(*use.kv->step), n_(n), exact_(use.exact), room_(partial_rows(n)) {}

  // The next block; false behind the last.
  GANNET_INLINE bool next(AttentionPieces& out) {
    for (;; ++segment_, row_ = 0) {
      if (segment_ == step_.n_segments) {
        if (by_spans_) return false;
        by_spans_ = true;
        segment_ = 0;
        row_ = 0;
      }
      const StepSegment& segment = step_.segments[segment_];
      const int64_t spanned = rows_by_spans(segment, exact_);
      if (!by_spans_ && spanned < segment.n_rows) {
        const int64_t rows = (segment.n_rows - spanned) * n_.group;
        out = {{&segment, spanned, segment.n_rows - spanned},
               true,
               n_.kv_heads * ((rows + kQueryRows - 1) / kQueryRows),
               0,
               0};
        ++segment_;
        return true;
      }
      if (by_spans_ && row_ < spanned) {
        out = {block_of(segment, row_, spanned), false, n_.kv_heads, 0, used_};
        const int64_t spans = spans_of(out.block.context()), wanted = spans * out.block.n_rows;
        if (used_ + wanted <= room_) {
          out.spans = spans;
          out.count = n_.kv_heads * spans;
          used_ += wanted;
        }
        row_ += out.block.n_rows;
        return true;
      }
    }
  }

 private:
  const StepView& step_;
  const AttentionSizes& n_;
  int64_t exact_, room_, segment_ = 0, row_ = 0, used_ = 0;
  bool by_spans_ = false;
};

}  // namespace gannet::GANNET_ISA_NS
