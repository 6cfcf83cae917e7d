// Attention for few tokens over a long context ("flash-decoding"): pieces of work are (KV head, span of the
// context), so all members read different parts of the cache, and all query rows of a KV head share each K
// and V row that is read. A piece leaves its largest score, sum and unscaled output per query row; a last
// phase combines the pieces. The spans follow from the length of the context alone, so the result does not
// depend on the number of threads.
#include "backend/cpu/attention/heads.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kMaxSpans = 32;
constexpr int64_t kMinSpan = 256;
constexpr int64_t kTile = 64;  // positions whose scores are held at once
#if defined(__AVX2__) && !defined(__AVX512F__)
constexpr int kAccumulators = 8;  // of 16 registers
#else
constexpr int kAccumulators = 16;
#endif

struct Sizes {
  int64_t n_tokens, n_heads, kv_heads, d, stride, group, rows;

  GANNET_INLINE Sizes(const Shape& q, const Shape& k)
      : n_tokens(q.dim[0]),
        n_heads(q.dim[1]),
        kv_heads(k.dim[1]),
        d(q.dim[2]),
        stride(round_up(d, 16)),
        group(n_heads / kv_heads),
        rows(n_tokens * group) {}
  GANNET_INLINE int64_t q_floats() const { return kv_heads * rows * stride; }
  GANNET_INLINE int64_t partial_floats() const { return kv_heads * kMaxSpans * rows * (stride + 2); }
  // Scores of a tile, and a tile of K or V as floats for head sizes that are no whole number of vectors.
  GANNET_INLINE int64_t member_floats() const { return rows * kTile + kTile * stride; }
};

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
void score_tile(const Sizes& n, const float* q, const std::byte* k, int64_t step, int64_t count,
                float* scores) {
  for_row_groups(n.rows, [&](auto tag, int64_t r) GANNET_LAMBDA {
    score_rows<kType, decltype(tag)::kValue>(q + r * n.stride, n.stride, k, step, count, n.d,
                                             scores + r * kTile);
  });
}

template <DType kType>
void accumulate_tile(const Sizes& n, const float* p, const std::byte* v, int64_t step, int64_t count,
                     float* o) {
  for_row_groups(n.rows, [&](auto tag, int64_t r) GANNET_LAMBDA {
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

// One KV head over the positions [begin, end): partial results of all its query rows.
void span(const KvView& kv, const Sizes& n, const float* q, int64_t kv_head, int64_t begin, int64_t end,
          float* scratch, float* o, float* largest, float* sum) {
  const int64_t k_step = kv_row_bytes(kv.k_type, n.d), v_step = kv_row_bytes(kv.v_type, n.d);
  const bool whole = n.d % kLanes == 0;
  float* scores = scratch;
  float* wide = scratch + n.rows * kTile;
  for (int64_t i = 0; i < n.rows * n.stride; ++i) o[i] = 0;
  for (int64_t r = 0; r < n.rows; ++r) {
    largest[r] = kMinusInfinity;
    sum[r] = 0;
  }
  while (begin < end) {
    int64_t count = kv.page_tokens - begin % kv.page_tokens;
    count = count < kTile ? count : kTile;
    count = count < end - begin ? count : end - begin;
    const std::byte* k = kv_row(kv, kv.k_offset, kv.k_type, kv_head, begin);
    const std::byte* v = kv_row(kv, kv.v_offset, kv.v_type, kv_head, begin);
    for (int64_t at = 0; at < count * v_step; at += 64) __builtin_prefetch(v + at);
    with_kv_type(kv.k_type, [&](auto tag) GANNET_LAMBDA {
      constexpr DType kType = decltype(tag)::kValue;
      if (whole) return score_tile<kType>(n, q, k, k_step, count, scores);
      widen_rows<kType>(k, k_step, count, n.d, wide, n.stride);
      score_tile<DType::kF32>(n, q, reinterpret_cast<const std::byte*>(wide), n.stride * 4, count, scores);
    });
    for (int64_t t = 0; t < n.n_tokens; ++t) {
      const int64_t visible = kv.n_past + t + 1 - begin;
      for (int64_t r = t * n.group; r < (t + 1) * n.group; ++r) {
        for (int64_t j = visible < 0 ? 0 : visible; j < count; ++j) scores[r * kTile + j] = kMinusInfinity;
        soften(scores + r * kTile, count, largest[r], sum[r], o + r * n.stride, n.stride);
      }
    }
    with_kv_type(kv.v_type, [&](auto tag) GANNET_LAMBDA {
      constexpr DType kType = decltype(tag)::kValue;
      if (whole) return accumulate_tile<kType>(n, scores, v, v_step, count, o);
      widen_rows<kType>(v, v_step, count, n.d, wide, n.stride);
      accumulate_tile<DType::kF32>(n, scores, reinterpret_cast<const std::byte*>(wide), n.stride * 4, count,
                                   o);
    });
    begin += count;
  }
}

}  // namespace

int64_t attention_decode_workspace(const Shape& q, const Shape& k, int64_t n_rot, int n_threads) {
  const Sizes n(q, k);
  return (n.q_floats() + n.partial_floats() + n_threads * n.member_floats()) * int64_t{sizeof(float)} +
         n_threads * making_bytes(n_rot, n.d);
}

void attention_decode(const AttentionUse& use, std::byte* workspace, Worker& worker) {
  const Sizes n(use.q->shape, use.k->shape);
  const KvView& kv = *use.kv;
  const int64_t making = use.making == nullptr ? 0 : making_bytes(use.making->rotation.n_rot, n.d);
  // Memory for making heads is first, for its alignment.
  float* q = reinterpret_cast<float*>(workspace + worker.count() * making);  // [KV head, row, stride], scaled
  float* partial = q + n.q_floats();  // [KV head, span, row]: outputs, then largest, then sums
  float* scratch = partial + n.partial_floats() + worker.index() * n.member_floats();

  const VF scale = splat(use.scale);
  const auto row_of = [&](int64_t t, int64_t h) GANNET_LAMBDA {
    return q + (h / n.group * n.rows + t * n.group + h % n.group) * n.stride;
  };
  const auto put_q = [&](int64_t t, int64_t h, const float* from) GANNET_LAMBDA {
    float* row = row_of(t, h);
    map_row(from, row, n.d, [&](VF x) GANNET_LAMBDA { return x * scale; });
    for (int64_t j = n.d; j < n.stride; ++j) row[j] = 0;
  };
  int64_t begin, end;
  if (use.making != nullptr) {
    make_heads(use, workspace + worker.index() * making, worker, row_of, put_q);
  } else {
    append_kv(kv, *use.k, *use.v, worker, store_kv_vectors);
    worker.share(n.n_tokens * n.n_heads, 1, begin, end);
    for (int64_t i = begin; i < end; ++i)
      put_q(i / n.n_heads, i % n.n_heads, use.q->f32(i / n.n_heads, i % n.n_heads));
  }
  worker.barrier();

  const int64_t context = kv.n_past + n.n_tokens;
  const int64_t wanted = round_up((context + kMaxSpans - 1) / kMaxSpans, kTile);
  const int64_t length = wanted > kMinSpan ? wanted : kMinSpan, spans = (context + length - 1) / length;
  const int64_t span_floats = n.rows * (n.stride + 2);
  while (worker.claim(n.kv_heads * spans, 1, begin, end)) {
    const int64_t head = begin / spans, first = begin % spans * length;
    float* o = partial + begin * span_floats;
    span(kv, n, q + head * n.rows * n.stride, head, first,
         first + length < context ? first + length : context, scratch, o, o + n.rows * n.stride,
         o + n.rows * (n.stride + 1));
  }
  worker.barrier();

  worker.share(n.n_tokens * n.n_heads, 1, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t t = i / n.n_heads, h = i % n.n_heads, r = t * n.group + h % n.group;
    float* pieces = partial + h / n.group * spans * span_floats;
    float largest = kMinusInfinity;
    for (int64_t s = 0; s < spans; ++s) {
      const float top = pieces[s * span_floats + n.rows * n.stride + r];
      largest = top > largest || top != top ? top : largest;
    }
    float sum = 0;
    float* total = pieces + r * n.stride;  // the first piece's output takes the sum
    for (int64_t s = 0; s < spans; ++s) {
      const float* piece = pieces + s * span_floats;
      const float weight = exp(piece[n.rows * n.stride + r] - largest);
      sum += weight * piece[n.rows * (n.stride + 1) + r];
      const VF factor = splat(weight);
      const float* o = piece + r * n.stride;
      for (int64_t j = 0; j < n.stride; j += kLanes)
        store(total + j, s == 0 ? factor * load(o + j) : fma(factor, load(o + j), load(total + j)));
    }
    write_row(total, 1.0f / sum, use.gate, t, h, use.y->f32(t, h), n.d);
  }
}

}  // namespace gannet::GANNET_ISA_NS
