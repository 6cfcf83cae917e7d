// Several tokens per pass over the state (the WY form of the delta rule for short chunks). With P the state
// at the start of a chunk of kChunk tokens, D_t the product of decays 0..t and R_st the product of decays
// s+1..t:
//   e_t = beta_t (v_t - D_t P^T k_t - sum_{s<t} R_st (k_s.k_t) e_s)
//   o_t = (D_t P^T q_t + sum_{s<=t} R_st (k_s.q_t) e_s) / sqrt(S)
//   P  <- D_last P + sum_s R_s,last k_s e_s^T
// Vector lanes are value indices, so there are no horizontal sums: P is kept as [key index, lane], k and q
// are broadcast. The chunk is as long as there are accumulators for 2 dots per token: per element and token
// it costs 3 + 1/kChunk multiply-adds. Long chunks (64), which pay on matrix units, would cost 5. Products of
// decays underflow to 0 as they should; nothing is divided.
//
// Rows that must be exact, rows that leave entries in the ring and the rows that are left over behind whole
// chunks go token by token, as in cpu.cpp.
#include "ops/gated_delta_rule/inputs.h"

namespace gannet::GANNET_ISA_NS {
namespace {

#if defined(__AVX2__) && !defined(__AVX512F__)
constexpr int kChunk = 4;  // 16 registers
#else
constexpr int kChunk = 8;  // 32 registers
#endif

// Numbers of a chunk that are shared by all value indices of a head.
struct Coefficients {
  float seen[kChunk];  // beta_t D_t
  float beta[kChunk];
  float inner[kChunk][kChunk];  // [t][s < t]: beta_t R_st (k_s.k_t)
  float out[kChunk];            // D_t / sqrt(S)
  float cross[kChunk][kChunk];  // [t][s <= t]: R_st (k_s.q_t) / sqrt(S)
  float update[kChunk];         // R_s,last
  float decay;                  // D_last
  float padding[15];
};

struct Memory {
  DeltaPrepared rows;          // of a chunk, in place of its rows: [key head, S, 2 * kChunk], k, then q
  Coefficients* coefficients;  // [first row of the chunk / kChunk, value head]
  float* members;              // per member: P as [S, kLanes], kLanes + kDeltaRows rows of S
  int64_t bytes;

  static GANNET_INLINE int64_t member_floats(const DeltaSizes& n) { return n.s * (2 * kLanes + kDeltaRows); }

  GANNET_INLINE Memory(const DeltaSizes& n, int n_threads, std::byte* memory) : rows(n, memory) {
    const int64_t chunks = (n.n_tokens + kChunk - 1) / kChunk;
    coefficients = reinterpret_cast<Coefficients*>(reinterpret_cast<float*>(memory) + rows.floats);
    members = reinterpret_cast<float*>(coefficients + chunks * n.heads);
    bytes = reinterpret_cast<std::byte*>(members + n_threads * member_floats(n)) - memory;
  }
};

int64_t workspace(const OpSite& site, int n_threads) {
  return Memory(DeltaSizes(site), n_threads, nullptr).bytes;
}

// How many rows of a segment, from its first, go in chunks.
int64_t rows_in_chunks(const StepSegment& segment, int64_t exact) {
  if (segment.first_row < exact || segment.base_after() < 2 * kChunk) return 0;
  return segment.base_after() / kChunk * kChunk;
}

GANNET_INLINE float dot(const float* a, const float* b, int64_t n) {
  VF sum = splat(0);
  int64_t c = 0;
  for (; c + kLanes <= n; c += kLanes) sum = fma(load(a + c), load(b + c), sum);
  if (c < n) sum = fma(load_part(a + c, n - c), load_part(b + c, n - c), sum);
  return reduce_add(sum);
}

// Everything that depends on k and q of one chunk, rows [first, first + kChunk), and key head.
void prepare_chunk(const KernelArgs& args, const DeltaSizes& n, const Memory& out, int64_t first,
                   int64_t kh) {
  const auto& attrs = args.as<GatedDeltaRuleAttrs>();
  const float* k[kChunk];
  const float* q[kChunk];
  float k_scale[kChunk], q_scale[kChunk];
  for (int t = 0; t < kChunk; ++t) {
    q[t] = args.operands[kQ].f32(first + t, kh);
    k[t] = args.operands[kK].f32(first + t, kh);
    out.rows.prepare_gates(args, n, first + t, kh);
    q_scale[t] = l2_scale(q[t], n.s, attrs.eps);
    k_scale[t] = l2_scale(k[t], n.s, attrs.eps);
  }
  float* packed = out.rows.qk + (first * n.key_heads + kh * kChunk) * n.s * 2;
  for (int64_t i = 0; i < n.s; ++i)
    for (int t = 0; t < kChunk; ++t) {
      packed[i * 2 * kChunk + t] = k[t][i] * k_scale[t];
      packed[i * 2 * kChunk + kChunk + t] = q[t][i] * q_scale[t];
    }
  float kk[kChunk][kChunk] = {}, kq[kChunk][kChunk] = {};  // [t][s]
  for (int t = 0; t < kChunk; ++t)
    for (int s = 0; s <= t; ++s) {
      kk[t][s] = dot(k[s], k[t], n.s) * k_scale[s] * k_scale[t];
      kq[t][s] = dot(k[s], q[t], n.s) * k_scale[s] * q_scale[t];
    }
  const float out_scale = 1.0f / __builtin_sqrtf(static_cast<float>(n.s));
  for (int64_t m = 0; m < n.heads / n.key_heads; ++m) {
    const int64_t h = n.value_head(attrs.heads, kh, m);
    Coefficients& c = out.coefficients[first / kChunk * n.heads + h];
    float ratio[kChunk];  // R_st for the current t
    float product = 1;
    for (int t = 0; t < kChunk; ++t) {
      const TokenGates gates = out.rows.gates[(first + t) * n.heads + h];
      product *= gates.decay;
      for (int s = 0; s < t; ++s) ratio[s] *= gates.decay;
      ratio[t] = 1;
      c.beta[t] = gates.beta;
      c.seen[t] = gates.beta * product;
      c.out[t] = product * out_scale;
      for (int s = 0; s < kChunk; ++s) {
        c.inner[t][s] = s < t ? gates.beta * ratio[s] * kk[t][s] : 0;
        c.cross[t][s] = s <= t ? ratio[s] * kq[t][s] * out_scale : 0;
      }
    }
    for (int s = 0; s < kChunk; ++s) c.update[s] = ratio[s];
    c.decay = product;
  }
}

// One chunk over kLanes value indices. `tile` is P as [S, kLanes]; v and o point at the first value index of
// the first token; lanes beyond `width` are not touched in memory.
GANNET_INLINE void pass(float* tile, const float* kq, const Coefficients& c, const TensorView& v,
                        const TensorView& o, int64_t first, int64_t head, int64_t j, int64_t width,
                        int64_t s) {
  VF seen[kChunk], out[kChunk], e[kChunk];
  for (int t = 0; t < kChunk; ++t) seen[t] = out[t] = splat(0);
  for (int64_t i = 0; i < s; ++i) {
    const VF p = load(tile + i * kLanes);
    const float* x = kq + i * 2 * kChunk;
    for (int t = 0; t < kChunk; ++t) seen[t] = fma(p, splat(x[t]), seen[t]);
    for (int t = 0; t < kChunk; ++t) out[t] = fma(p, splat(x[kChunk + t]), out[t]);
  }
  for (int t = 0; t < kChunk; ++t) {
    const float* at = v.f32(first + t, head) + j;
    const VF value = width == kLanes ? load(at) : load_part(at, width);
    VF error = fnma(splat(c.seen[t]), seen[t], splat(c.beta[t]) * value);
    for (int u = 0; u < t; ++u) error = fnma(splat(c.inner[t][u]), e[u], error);
    e[t] = error;
    VF result = splat(c.out[t]) * out[t];
    for (int u = 0; u <= t; ++u) result = fma(splat(c.cross[t][u]), e[u], result);
    if (width == kLanes)
      store(o.f32(first + t, head) + j, result);
    else
      store_part(o.f32(first + t, head) + j, result, width);
  }
  for (int t = 0; t < kChunk; ++t) e[t] = e[t] * splat(c.update[t]);
  const VF decay = splat(c.decay);
  for (int64_t i = 0; i < s; ++i) {
    const float* x = kq + i * 2 * kChunk;
    VF even = decay * load(tile + i * kLanes), odd = splat(0);
    for (int t = 0; t < kChunk; t += 2) {
      even = fma(e[t], splat(x[t]), even);
      odd = fma(e[t + 1], splat(x[t + 1]), odd);
    }
    store(tile + i * kLanes, even + odd);
  }
}

// The entries of the ring that are pending, applied to P. Rounds as delta_rows does.
void apply_pending(const DeltaHead& head, float* tile, int64_t j, int64_t width) {
  RingWalk<const float> walk = head.pending;
  for (int64_t p = 0; p < head.n_pending; ++p, walk.next()) {
    const float *entry = walk.entry(), *error = entry + head.error_at + j;
    const VF e = width == kLanes ? load(error) : load_part(error, width), d = splat(entry[head.decay_at]);
    for (int64_t i = 0; i < head.s; ++i) {
      const VF key = splat(entry[head.key_at + i]);
      store(tile + i * kLanes, fma(e, key, d * load(tile + i * kLanes)));
    }
  }
}

// `n_rows` rows of a segment, over the state rows [j, j + width); leaves them in `states` [width, S].
void run_chunks(const KernelArgs& args, const DeltaSizes& n, const Memory& in, const DeltaHead& head,
                int64_t n_rows, int64_t h, int64_t kh, int64_t j, int64_t width, float* tile, float* states) {
  const float* read = head.base + j * n.s;
  for (int64_t i = 0; i < n.s; ++i)
    for (int64_t lane = 0; lane < kLanes; ++lane)
      tile[i * kLanes + lane] = lane < width ? read[lane * n.s + i] : 0;
  apply_pending(head, tile, j, width);
  for (int64_t t = 0; t < n_rows; t += kChunk) {
    const int64_t first = head.segment.first_row + t;
    pass(tile, in.rows.qk + (first * n.key_heads + kh * kChunk) * n.s * 2,
         in.coefficients[first / kChunk * n.heads + h], args.operands[kV], args.results[0], first, h, j,
         width, n.s);
  }
  for (int64_t lane = 0; lane < width; ++lane)
    for (int64_t i = 0; i < n.s; ++i) states[lane * n.s + i] = tile[i * kLanes + lane];
}

int barriers(const OpSite&, int n_threads) {
  return n_threads > 1 ? 1 : 0;
}

// A member's share of what all state rows need, row by row or chunk by chunk.
void prepare(const KernelArgs& args, const DeltaSizes& n, const Memory& out, const StepView& step,
             const Worker& worker) {
  int64_t begin, end;
  worker.share(step.n_rows() * n.key_heads, 1, begin, end);
  SegmentWalk walk(step);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = i / n.key_heads, kh = i % n.key_heads;
    const StepSegment& segment = walk.of(row);
    const int64_t t = row - segment.first_row;
    if (t >= rows_in_chunks(segment, args.rows.exact))
      out.rows.prepare_row(args, n, row, kh);
    else if (t % kChunk == 0)
      prepare_chunk(args, n, out, row, kh);
  }
}

void run(const KernelArgs& args, Worker& worker) {
  const DeltaSizes n(args);
  const Memory in(n, worker.count(), args.workspace);
  const RecurrentView& state = *args.operands[kState].as<RecurrentView>();
  const StepView& step = *state.step;
  prepare(args, n, in, step, worker);
  worker.barrier();

  const HeadMap map = args.as<GatedDeltaRuleAttrs>().heads;
  const float out_scale = 1.0f / __builtin_sqrtf(static_cast<float>(n.s));
  const int64_t blocks = (n.s + kLanes - 1) / kLanes, items = step.n_segments * n.heads * blocks;
  float* tile = in.members + worker.index() * Memory::member_floats(n);
  float *states = tile + kLanes * n.s, *rows = states + kLanes * n.s;
  int64_t begin, end;
  while (worker.claim(items, 1, begin, end)) {
    // From the last segment to the first: the long ones come last.
    const int64_t item = items - 1 - begin, h = item / blocks % n.heads, kh = n.key_head(map, h);
    const int64_t j = item % blocks * kLanes, width = n.s - j < kLanes ? n.s - j : kLanes;
    const StepSegment& segment = step.segments[item / blocks / n.heads];
    const DeltaHead head(state, segment, n.s, n.heads, n.key_heads, h, kh);
    const DeltaTokens tokens = in.rows.tokens(args, n, segment, h, kh);
    const int64_t chunked = rows_in_chunks(segment, args.rows.exact);
    if (chunked > 0) run_chunks(args, n, in, head, chunked, h, kh, j, width, tile, states);
    for (int64_t row = 0; row < width; row += kDeltaRows)
      delta_rows(head, tokens, j + row, chunked,
                 chunked > 0 ? states + row * n.s : head.base + (j + row) * n.s, chunked == 0, rows,
                 out_scale);
    if (j == 0) leave_shared(head, tokens, n, map, h, kh);
  }
}

const char* refuses(const OpSite& site) {
  if (const char* why = delta_refuses(site)) return why;
  return site.operands[kQ].shape.dim[0] < 2 * kChunk ? "too few tokens for chunks to pay" : nullptr;
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(gated_delta_rule_chunked,
               {"gated_delta_rule", GANNET_ISA_NAME ".chunked", GANNET_ISA_ENUM, 1, GANNET_ISA_NS::refuses,
                GANNET_ISA_NS::workspace, GANNET_ISA_NS::run, GANNET_ISA_NS::barriers})
