// Attention for many tokens: a piece of work is (KV head, block of query rows), a row being a token and one
// of the query heads of the KV head. The queries of a block are transposed once, so scores come out as [key,
// row] with rows in vector lanes: maxima, exponentials and sums need nothing horizontal, and a weight is
// broadcast straight from there when V is summed. K and V are widened to floats per tile of keys. Online
// softmax (Milakov, Gimelshein, "Online normalizer calculation for softmax", arXiv 1805.02867).
#include "backend/cpu/attention/heads.h"
#include "backend/cpu/attention/parts.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kRows = kQueryRows;
constexpr int64_t kTile = 64;  // keys at a time
#if defined(__AVX2__) && !defined(__AVX512F__)
constexpr int kRowVectors = 2, kKeys = 4;     // accumulators for scores
constexpr int kOutRows = 4, kOutVectors = 2;  // accumulators for outputs
#else
constexpr int kRowVectors = 2, kKeys = 8;
constexpr int kOutRows = 8, kOutVectors = 2;
#endif

using Sizes = AttentionSizes;

// Per member.
struct Scratch {
  float* q;                               // [d, kRows], scaled
  float* o;                               // [kRows, stride]
  float *k, *v;                           // [kTile, stride]
  float* scores;                          // [kTile, kRows]
  float *largest, *sum, *shrink, *limit;  // [kRows]

  static GANNET_INLINE int64_t floats(const Sizes& n) {
    return n.stride * (2 * kRows + 2 * kTile) + kTile * kRows + 4 * kRows;
  }
  GANNET_INLINE Scratch(const Sizes& n, float* at) {
    q = at;
    o = q + n.stride * kRows;
    k = o + n.stride * kRows;
    v = k + n.stride * kTile;
    scores = v + n.stride * kTile;
    largest = scores + kTile * kRows;
    sum = largest + kRows;
    shrink = sum + kRows;
    limit = shrink + kRows;
  }
};

// scores[j][rows r ..] = k_j . q for kKeys keys from `j` and kRowVectors vectors of rows from `r`.
GANNET_INLINE void score_piece(const Scratch& w, const Sizes& n, int64_t j, int64_t r) {
  VF sum[kKeys][kRowVectors];
  for (int a = 0; a < kKeys; ++a)
    for (int b = 0; b < kRowVectors; ++b) sum[a][b] = splat(0);
  const float* k = w.k + j * n.stride;
  const float* q = w.q + r;
  for (int64_t i = 0; i < n.d; ++i) {
    VF query[kRowVectors];
    for (int b = 0; b < kRowVectors; ++b) query[b] = load(q + i * kRows + b * kLanes);
    for (int a = 0; a < kKeys; ++a) {
      const VF key = splat(k[a * n.stride + i]);
      for (int b = 0; b < kRowVectors; ++b) sum[a][b] = fma(key, query[b], sum[a][b]);
    }
  }
  for (int a = 0; a < kKeys; ++a)
    for (int b = 0; b < kRowVectors; ++b) store(w.scores + (j + a) * kRows + r + b * kLanes, sum[a][b]);
}

// Scores of kLanes rows to weights; positions begin .. begin + count - 1. Position 0 is visible to every row
// and comes first, so the largest score is never minus infinity.
GANNET_INLINE void soften(const Scratch& w, int64_t r, int64_t begin, int64_t count, bool mask) {
  VF top = load(w.largest + r);
  const VF old = top;
  const VF limit = load(w.limit + r), hidden = splat(kMinusInfinity);
  for (int64_t j = 0; j < count; ++j) {
    VF score = load(w.scores + j * kRows + r);
    if (mask) {
      score = select_le(splat(static_cast<float>(begin + j)), limit, score, hidden);
      store(w.scores + j * kRows + r, score);
    }
    top = max(top, score);
  }
  const VF shrink = exp(old - top);
  VF sum = load(w.sum + r) * shrink;
  for (int64_t j = 0; j < count; ++j) {
    const VF weight = exp(load(w.scores + j * kRows + r) - top);
    store(w.scores + j * kRows + r, weight);
    sum = sum + weight;
  }
  store(w.largest + r, top);
  store(w.sum + r, sum);
  store(w.shrink + r, shrink);
}

// o[r ..][i ..] = o * shrink + sum_j weight[j][r] v_j.
// A row takes no part in what lies behind its own position, for 0 times infinity would be NaN: the first
// `shared` positions, which all rows see, are taken together, the rest of each row by itself.
template <int kVectors>
GANNET_INLINE void output_piece(const Scratch& w, const Sizes& n, int64_t r, int64_t i, int64_t shared,
                                int64_t begin, int64_t count) {
  VF sum[kOutRows][kVectors];
  for (int a = 0; a < kOutRows; ++a) {
    const VF shrink = splat(w.shrink[r + a]);
    for (int b = 0; b < kVectors; ++b) sum[a][b] = load(w.o + (r + a) * n.stride + i + b * kLanes) * shrink;
  }
  for (int64_t j = 0; j < shared; ++j) {
    VF value[kVectors];
    for (int b = 0; b < kVectors; ++b) value[b] = load(w.v + j * n.stride + i + b * kLanes);
    const float* weight = w.scores + j * kRows + r;
    for (int a = 0; a < kOutRows; ++a)
      for (int b = 0; b < kVectors; ++b) sum[a][b] = fma(splat(weight[a]), value[b], sum[a][b]);
  }
  if (shared < count)
    for (int a = 0; a < kOutRows; ++a) {
      const int64_t seen = least(static_cast<int64_t>(w.limit[r + a]) + 1 - begin, count);
      for (int64_t j = shared; j < seen; ++j)
        for (int b = 0; b < kVectors; ++b)
          sum[a][b] =
              fma(splat(w.scores[j * kRows + r + a]), load(w.v + j * n.stride + i + b * kLanes), sum[a][b]);
    }
  for (int a = 0; a < kOutRows; ++a)
    for (int b = 0; b < kVectors; ++b) store(w.o + (r + a) * n.stride + i + b * kLanes, sum[a][b]);
}

}  // namespace

int64_t tiled_scratch_floats(const AttentionSizes& n) {
  return Scratch::floats(n);
}

void attend_tiled(const AttentionUse& use, const AttentionSizes& n, const RowBlock& block, int64_t kv_head,
                  int64_t first, const float* made, float* scratch) {
  const KvView& kv = *use.kv;
  const Scratch w(n, scratch);
  const int64_t rows = least(block.n_rows * n.group - first, kRows);
  const int64_t padded = round_up(rows, kRowVectors * kLanes);
  for (int64_t r = 0; r < padded; ++r) {
    // Rows behind the end repeat the last one; nobody reads them.
    const int64_t row = first + (r < rows ? r : rows - 1), t = row / n.group,
                  h = kv_head * n.group + row % n.group;
    const float* from =
        made == nullptr ? use.q->f32(block.row(t), h) : made + (block.row(t) * n.n_heads + h) * n.stride;
    for (int64_t i = 0; i < n.d; ++i) w.q[i * kRows + r] = from[i] * use.scale;
    for (int64_t i = 0; i < n.stride; ++i) w.o[r * n.stride + i] = 0;
    w.largest[r] = kMinusInfinity;
    w.sum[r] = 0;
    w.limit[r] = static_cast<float>(block.visible(t) - 1);
  }
  const int64_t all_see = block.visible(first / n.group);
  const int64_t context = block.visible((first + rows - 1) / n.group);
  const int64_t k_step = kv_row_bytes(kv.k_type, n.d), v_step = kv_row_bytes(kv.v_type, n.d);
  for (int64_t begin = 0; begin < context;) {
    const int64_t in_page = kv.page_tokens - begin % kv.page_tokens;
    const int64_t count = least(least(in_page, kTile), context - begin);
    with_kv_type(kv.k_type, [&](auto tag) GANNET_LAMBDA {
      widen_rows<decltype(tag)::kValue>(kv_row(kv, *block.segment, kv.k_offset, kv.k_type, kv_head, begin),
                                        k_step, count, n.d, w.k, n.stride);
    });
    with_kv_type(kv.v_type, [&](auto tag) GANNET_LAMBDA {
      widen_rows<decltype(tag)::kValue>(kv_row(kv, *block.segment, kv.v_offset, kv.v_type, kv_head, begin),
                                        v_step, count, n.d, w.v, n.stride);
    });
    for (int64_t j = count; j < round_up(count, kKeys); ++j)
      for (int64_t i = 0; i < n.stride; ++i) w.k[j * n.stride + i] = 0;
    for (int64_t j = 0; j < count; j += kKeys)
      for (int64_t r = 0; r < padded; r += kRowVectors * kLanes) score_piece(w, n, j, r);
    const bool mask = begin + count > all_see;
    for (int64_t r = 0; r < padded; r += kLanes) soften(w, r, begin, count, mask);
    for (int64_t r = 0; r < padded; r += kOutRows) {
      const int64_t visible = static_cast<int64_t>(w.limit[r]) + 1 - begin;
      const int64_t shared = !mask ? count : visible < 0 ? 0 : least(visible, count);
      int64_t i = 0;
      for (; i + kOutVectors * kLanes <= n.stride; i += kOutVectors * kLanes)
        output_piece<kOutVectors>(w, n, r, i, shared, begin, count);
      for (; i < n.stride; i += kLanes) output_piece<1>(w, n, r, i, shared, begin, count);
    }
    begin += count;
  }
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t row = block.row((first + r) / n.group), h = kv_head * n.group + (first + r) % n.group;
    write_row(w.o + r * n.stride, 1.0f / w.sum[r], use.gate, row, h, use.y->f32(row, h), n.d);
  }
}

}  // namespace gannet::GANNET_ISA_NS
