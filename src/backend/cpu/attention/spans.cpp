// Attention of a block of few rows over a span of the context ("flash-decoding"): all query rows of a KV head
// share each K and V row that is read. A row's result is the same to the bit whatever rows share the block:
// it goes through its spans and their tiles in order, sees each tile as far as its own position, and touches
// nothing of what lies behind, not even with a weight of zero.
#include "backend/cpu/attention/parts.h"
#include "backend/cpu/kv/kv_vectors.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kTile = 64;  // positions whose scores are held at once
#if defined(__AVX2__) && !defined(__AVX512F__)
constexpr int kAccumulators = 8;  // of 16 registers
#else
constexpr int kAccumulators = 16;
#endif

// scores[r][j] = q_r . k_j for kQ query rows and n keys, kKeys at a time.
template <DType kType, int kQ>
GANNET_INLINE void score_rows(const float* q, int64_t stride, const std::byte* k, int64_t step, int64_t n,
                              int64_t d, float* scores) {
  constexpr int kKeys = kAccumulators / kQ;
  for (int64_t j = 0; j < n; j += kKeys) {
    const std::byte* rows[kKeys];
    for (int b = 0; b < kKeys; ++b) rows[b] = k + (j + b < n ? j + b : n - 1) * step;
    VF sum[kAccumulators];  // [query, key]
    for (int a = 0; a < kAccumulators; ++a) sum[a] = splat(0);
    for (int64_t i = 0; i < d; i += kLanes) {
      VF key[kKeys];
      for (int b = 0; b < kKeys; ++b) key[b] = load_kv<kType>(rows[b], i);
      for (int a = 0; a < kQ; ++a) {
        const VF query = load(q + a * stride + i);
        for (int b = 0; b < kKeys; ++b) sum[a * kKeys + b] = fma(query, key[b], sum[a * kKeys + b]);
      }
    }
    float dots[kAccumulators];
    for (int a = 0; a < kAccumulators; a += kLanes) store(dots + a, sums_of(sum + a));
    for (int b = 0; b < kKeys && j + b < n; ++b)
      for (int a = 0; a < kQ; ++a) scores[a * kTile + j + b] = dots[a * kKeys + b];
  }
}

// o_r += sum_j p[r][j] v_j for kQ query rows.
template <DType kType, int kQ>
GANNET_INLINE void accumulate_rows(const float* p, const std::byte* v, int64_t step, int64_t n, int64_t d,
                                   float* o, int64_t stride) {
  constexpr int kVectors = kAccumulators / kQ;
  int64_t i = 0;
  for (; i + kVectors * kLanes <= d; i += kVectors * kLanes) {
    VF sum[kQ][kVectors];
    for (int a = 0; a < kQ; ++a)
      for (int b = 0; b < kVectors; ++b) sum[a][b] = load(o + a * stride + i + b * kLanes);
    for (int64_t j = 0; j < n; ++j) {
      VF value[kVectors];
      for (int b = 0; b < kVectors; ++b) value[b] = load_kv<kType>(v + j * step, i + b * kLanes);
      for (int a = 0; a < kQ; ++a) {
        const VF weight = splat(p[a * kTile + j]);
        for (int b = 0; b < kVectors; ++b) sum[a][b] = fma(weight, value[b], sum[a][b]);
      }
    }
    for (int a = 0; a < kQ; ++a)
      for (int b = 0; b < kVectors; ++b) store(o + a * stride + i + b * kLanes, sum[a][b]);
  }
  for (; i < d; i += kLanes) {
    VF sum[kQ];
    for (int a = 0; a < kQ; ++a) sum[a] = load(o + a * stride + i);
    for (int64_t j = 0; j < n; ++j) {
      const VF value = load_kv<kType>(v + j * step, i);
      for (int a = 0; a < kQ; ++a) sum[a] = fma(splat(p[a * kTile + j]), value, sum[a]);
    }
    for (int a = 0; a < kQ; ++a) store(o + a * stride + i, sum[a]);
  }
}

// f(query rows constant, first row) over all rows, eight at a time, then four, two, one.
template <int kQ>
struct RowsTag {
  static constexpr int kValue = kQ;
};
template <class F>
GANNET_INLINE void for_row_groups(int64_t rows, F f) {
  int64_t r = 0;
  for (; r + 8 <= rows; r += 8) f(RowsTag<8>{}, r);
  if (rows - r >= 4) f(RowsTag<4>{}, r), r += 4;
  if (rows - r >= 2) f(RowsTag<2>{}, r), r += 2;
  if (rows - r >= 1) f(RowsTag<1>{}, r);
}

template <DType kType>
void score_tile(const AttentionSizes& n, int64_t rows, const float* q, const std::byte* k, int64_t step,
                int64_t count, float* scores) {
  for_row_groups(rows, [&](auto tag, int64_t r) GANNET_LAMBDA {
    score_rows<kType, decltype(tag)::kValue>(q + r * n.stride, n.stride, k, step, count, n.d,
                                             scores + r * kTile);
  });
}

template <DType kType>
void accumulate_tile(const AttentionSizes& n, int64_t rows, const float* p, const std::byte* v, int64_t step,
                     int64_t count, float* o) {
  for_row_groups(rows, [&](auto tag, int64_t r) GANNET_LAMBDA {
    accumulate_rows<kType, decltype(tag)::kValue>(p + r * kTile, v, step, count, n.d, o + r * n.stride,
                                                  n.stride);
  });
}

// Turns the scores of one row into weights relative to the largest score so far and rescales what was summed
// before.
GANNET_INLINE void soften(float* scores, int64_t count, float& largest, float& sum, float* o,
                          int64_t stride) {
  for (int64_t j = count; j < round_up(count, kLanes); ++j) scores[j] = kMinusInfinity;
  VF top = splat(largest);
  for (int64_t j = 0; j < count; j += kLanes) top = max(top, load(scores + j));
  const float next = reduce_max(top);
  if (next == kMinusInfinity) {  // nothing visible so far
    for (int64_t j = 0; j < count; ++j) scores[j] = 0;
    return;
  }
  const VF base = splat(next);
  VF total = splat(0);
  for (int64_t j = 0; j < count; j += kLanes) {
    const VF weight = exp(load(scores + j) - base);
    total = total + weight;
    store(scores + j, weight);
  }
  if (largest != next) {
    const float shrink = exp(largest - next);
    sum *= shrink;
    const VF factor = splat(shrink);
    for (int64_t i = 0; i < stride; i += kLanes) store(o + i, load(o + i) * factor);
    largest = next;
  }
  sum += reduce_add(total);
}

// Rows of the cache as they lie there, or as floats when a head is no whole number of vectors.
struct TileRows {
  const std::byte* at;
  int64_t step;
  DType type;
};
TileRows tile_rows(const AttentionSizes& n, DType type, const std::byte* rows, int64_t count, float* wide) {
  const int64_t step = kv_row_bytes(type, n.d);
  if (n.d % kLanes == 0) return {rows, step, type};
  with_kv_type(type, [&](auto tag) GANNET_LAMBDA {
    widen_rows<decltype(tag)::kValue>(rows, step, count, n.d, wide, n.stride);
  });
  return {reinterpret_cast<const std::byte*>(wide), n.stride * 4, DType::kF32};
}

}  // namespace

// Scores of a tile, and a tile of K or V as floats.
int64_t span_scratch_floats(const AttentionSizes& n) {
  return least(n.n_tokens, kBlockRows) * n.group * kTile + kTile * n.stride;
}

void attend_span(const AttentionUse& use, const AttentionSizes& n, const RowBlock& block, int64_t kv_head,
                 const float* q, int64_t begin, int64_t end, float* scratch, const Partial& out) {
  const KvView& kv = *use.kv;
  const int64_t rows = block.n_rows * n.group;
  float *scores = scratch, *wide = scratch + rows * kTile;
  for (int64_t i = 0; i < rows * n.stride; ++i) out.o[i] = 0;
  for (int64_t r = 0; r < rows; ++r) {
    out.largest[r] = kMinusInfinity;
    out.sum[r] = 0;
  }
  end = least(end, block.context());
  while (begin < end) {
    const int64_t in_page = kv.page_tokens - begin % kv.page_tokens;
    const int64_t count = least(least(in_page, kTile), end - begin);
    const std::byte* v = kv_row(kv, *block.segment, kv.v_offset, kv.v_type, kv_head, begin);
    const int64_t v_bytes = count * kv_row_bytes(kv.v_type, n.d);
    for (int64_t at = 0; at < v_bytes; at += 64) __builtin_prefetch(v + at);
    const TileRows keys = tile_rows(
        n, kv.k_type, kv_row(kv, *block.segment, kv.k_offset, kv.k_type, kv_head, begin), count, wide);
    with_kv_type(keys.type, [&](auto tag) GANNET_LAMBDA {
      score_tile<decltype(tag)::kValue>(n, rows, q, keys.at, keys.step, count, scores);
    });
    // Rows that see the whole tile do the rest of it together, others token by token.
    const int64_t together = block.visible(0) - begin >= count ? block.n_rows : 1;
    const TileRows values = tile_rows(n, kv.v_type, v, count, wide);
    for (int64_t t = 0; t < block.n_rows; t += together) {
      const int64_t seen = least(block.visible(t) - begin, count), first = t * n.group;
      if (seen <= 0) continue;
      for (int64_t r = first; r < first + together * n.group; ++r)
        soften(scores + r * kTile, seen, out.largest[r], out.sum[r], out.o + r * n.stride, n.stride);
      with_kv_type(values.type, [&](auto tag) GANNET_LAMBDA {
        accumulate_tile<decltype(tag)::kValue>(n, together * n.group, scores + first * kTile, values.at,
                                               values.step, seen, out.o + first * n.stride);
      });
    }
    begin += count;
  }
}

}  // namespace gannet::GANNET_ISA_NS
