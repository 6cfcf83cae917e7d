// One step of attention: K, V and queries into place, then pieces of work (pieces.h), then the spans of
// divided blocks put together.
#include "backend/cpu/attention/attention.h"

#include "backend/cpu/attention/heads.h"
#include "backend/cpu/attention/parts.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// Memory of a step. For making heads comes first, for its alignment.
struct Memory {
  int64_t rows;  // of a block by spans, at most
  float* q;      // by spans: [block, KV head, row, stride], scaled; tiled: [row, head, stride]
  float* partial;
  float* member;  // scratch; two Partials of a block that is not divided
  int64_t bytes;

  static GANNET_INLINE int64_t member_floats(const AttentionSizes& n, int64_t rows) {
    const int64_t spans = span_scratch_floats(n) + 2 * Partial::floats(rows, n.stride);
    const int64_t tiled = n.n_tokens > kBlockRows ? tiled_scratch_floats(n) : 0;
    return round_up(spans > tiled ? spans : tiled, 16);
  }
  GANNET_INLINE Memory(const AttentionSizes& n, int64_t n_rot, int n_threads, int index, std::byte* memory)
      : rows(least(n.n_tokens, kBlockRows) * n.group) {
    q = reinterpret_cast<float*>(memory + n_threads * making_bytes(n_rot, n.d));
    partial = q + n.n_tokens * n.n_heads * n.stride;
    float* members = partial + partial_rows(n) * partial_floats(n);
    member = members + index * member_floats(n, rows);
    bytes = reinterpret_cast<std::byte*>(members + n_threads * member_floats(n, rows)) - memory;
  }
  // Of a row and span, all heads.
  static GANNET_INLINE int64_t partial_floats(const AttentionSizes& n) {
    return n.kv_heads * Partial::floats(n.group, n.stride);
  }
  // The partial results of a divided block for one KV head and span.
  GANNET_INLINE Partial of(const AttentionSizes& n, const AttentionPieces& piece, int64_t kv_head,
                           int64_t span) const {
    const int64_t block_rows = piece.block.n_rows * n.group;
    const int64_t floats = Partial::floats(block_rows, n.stride);
    float* block = partial + piece.partial * partial_floats(n);
    return {block + (kv_head * piece.spans + span) * floats, block_rows, n.stride};
  }
};

// Row r of `sum` takes up what the next span says. Weights are relative to the larger of the two largest
// scores.
GANNET_INLINE void merge(const Partial& sum, const Partial& next, int64_t r, int64_t stride) {
  const float a = sum.largest[r], b = next.largest[r];
  if (b == kMinusInfinity) return;  // it saw nothing
  const float top = b > a || b != b ? b : a;
  const float old_weight = a == kMinusInfinity ? 0.0f : exp(a - top), weight = exp(b - top);
  sum.largest[r] = top;
  sum.sum[r] = old_weight * sum.sum[r] + weight * next.sum[r];
  const VF fa = splat(old_weight), fb = splat(weight);
  float* o = sum.o + r * stride;
  for (int64_t i = 0; i < stride; i += kLanes)
    store(o + i, fma(fb, load(next.o + r * stride + i), fa * load(o + i)));
}

// Merges a span in the rows that see it.
GANNET_INLINE void merge_span(const AttentionSizes& n, const RowBlock& block, int64_t span,
                              const Partial& sum, const Partial& next) {
  for (int64_t t = 0; t < block.n_rows; ++t)
    for (int64_t g = 0; g < n.group && block.visible(t) > span_begin(span); ++g)
      merge(sum, next, t * n.group + g, n.stride);
}

GANNET_INLINE void write_result(const AttentionUse& use, const AttentionSizes& n, const RowBlock& block,
                                int64_t kv_head, const Partial& sum, int64_t r) {
  const int64_t row = block.row(r / n.group), h = kv_head * n.group + r % n.group;
  write_row(sum.o + r * n.stride, 1.0f / sum.sum[r], use.gate, row, h, use.y->f32(row, h), n.d);
}

// A block whose spans were not divided, for one KV head.
void whole_block(const AttentionUse& use, const AttentionSizes& n, const RowBlock& block, int64_t kv_head,
                 const float* q, float* scratch) {
  const int64_t rows = block.n_rows * n.group;
  float* at = scratch + span_scratch_floats(n);
  const Partial sum(at, rows, n.stride), next(at + Partial::floats(rows, n.stride), rows, n.stride);
  attend_span(use, n, block, kv_head, q, 0, span_end(0), scratch, sum);
  for (int64_t span = 1; span < spans_of(block.context()); ++span) {
    attend_span(use, n, block, kv_head, q, span_begin(span), span_end(span), scratch, next);
    merge_span(n, block, span, sum, next);
  }
  for (int64_t r = 0; r < rows; ++r) write_result(use, n, block, kv_head, sum, r);
}

void run_piece(const AttentionUse& use, const AttentionSizes& n, const Memory& memory,
               const AttentionPieces& piece, int64_t index) {
  const RowBlock& block = piece.block;
  const int64_t kv_head = index % n.kv_heads, rows = block.n_rows * n.group;
  index /= n.kv_heads;
  if (piece.tiled) {
    // From the last rows to the first: they see the most, so the short pieces fill up the end.
    const int64_t last = (rows - 1) / kQueryRows;
    return attend_tiled(use, n, block, kv_head, (last - index) * kQueryRows,
                        use.making == nullptr ? nullptr : memory.q, memory.member);
  }
  const float* q = memory.q + (block.row(0) * n.n_heads + kv_head * rows) * n.stride;
  if (piece.spans == 0) return whole_block(use, n, block, kv_head, q, memory.member);
  const int64_t span = piece.spans - 1 - index;  // the longest first
  attend_span(use, n, block, kv_head, q, span_begin(span), span_end(span), memory.member,
              memory.of(n, piece, kv_head, span));
}

// K and V into the cache, queries to where the pieces look for them.
void put_in_place(const AttentionUse& use, const AttentionSizes& n, const Memory& memory, std::byte* making,
                  const Worker& worker) {
  const VF scale = splat(use.scale);
  const auto place = [&](const StepSegment& segment, int64_t t, int64_t h) GANNET_LAMBDA {
    const int64_t by_spans = rows_by_spans(segment, use.exact);
    if (t >= by_spans) return memory.q + ((segment.first_row + t) * n.n_heads + h) * n.stride;
    const RowBlock block = block_of(segment, t, by_spans);
    return memory.q + (block.row(0) * n.n_heads + h / n.group * block.n_rows * n.group +
                       (t - block.first) * n.group + h % n.group) *
                          n.stride;
  };
  const auto put = [&](const StepSegment& segment, int64_t t, const float* from, float* to) GANNET_LAMBDA {
    if (t >= rows_by_spans(segment, use.exact)) return;
    map_row(from, to, n.d, [&](VF x) GANNET_LAMBDA { return x * scale; });
    for (int64_t j = n.d; j < n.stride; ++j) to[j] = 0;
  };
  if (use.making != nullptr) return make_heads(use, making, worker, place, put);
  append_kv(*use.kv, *use.k, *use.v, worker, store_kv_vectors);
  int64_t begin, end;
  worker.share(use.kv->step->n_rows() * n.n_heads, 1, begin, end);
  SegmentWalk walk(*use.kv->step);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = i / n.n_heads, h = i % n.n_heads;
    const StepSegment& segment = walk.of(row);
    const int64_t t = row - segment.first_row;
    put(segment, t, use.q->f32(row, h), place(segment, t, h));
  }
}

// The rows of divided blocks, shared out: each goes through its spans in order.
void put_together(const AttentionUse& use, const AttentionSizes& n, const Memory& memory,
                  const Worker& worker) {
  AttentionPieces piece{};
  int64_t begin, end, total = 0;
  for (PieceWalk walk(use, n); walk.next(piece);)
    if (piece.spans > 0) total += piece.block.n_rows * n.n_heads;
  worker.share(total, 1, begin, end);
  PieceWalk walk(use, n);
  for (int64_t at = 0; at < end && walk.next(piece);) {
    if (piece.spans == 0) continue;
    const int64_t count = piece.block.n_rows * n.n_heads, rows = piece.block.n_rows * n.group;
    for (int64_t i = at > begin ? at : begin; i < least(at + count, end); ++i) {
      const int64_t kv_head = (i - at) / rows, r = (i - at) % rows;
      const Partial sum = memory.of(n, piece, kv_head, 0);
      for (int64_t span = 1; span < piece.spans; ++span)
        if (piece.block.visible(r / n.group) > span_begin(span))
          merge(sum, memory.of(n, piece, kv_head, span), r, n.stride);
      write_result(use, n, piece.block, kv_head, sum, r);
    }
    at += count;
  }
}

}  // namespace

int64_t attention_workspace(const Shape& q, const Shape& k, int64_t n_rot, int n_threads) {
  return Memory(AttentionSizes(q, k), n_rot, n_threads, 0, nullptr).bytes;
}

void run_attention(const AttentionUse& use, std::byte* workspace, Worker& worker) {
  const AttentionSizes n(use.q->shape, use.k->shape);
  const int64_t n_rot = use.making == nullptr ? 0 : use.making->rotation.n_rot;
  const Memory memory(n, n_rot, worker.count(), worker.index(), workspace);
  put_in_place(use, n, memory, workspace + worker.index() * making_bytes(n_rot, n.d), worker);
  worker.barrier();

  AttentionPieces piece{};
  int64_t total = 0;
  for (PieceWalk walk(use, n); walk.next(piece);) total += piece.count;
  PieceWalk walk(use, n);
  int64_t first = 0, behind = 0, begin, end;  // the pieces of the block at hand
  while (worker.claim(total, 1, begin, end)) {
    while (begin >= behind) {
      walk.next(piece);
      first = behind;
      behind += piece.count;
    }
    run_piece(use, n, memory, piece, begin - first);
  }
  worker.barrier();
  put_together(use, n, memory, worker);
}

}  // namespace gannet::GANNET_ISA_NS
