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

struct Prepared {
  float* kq;                   // [chunk, key head, S, 2 * kChunk]: k of the chunk's tokens, then q
  Coefficients* coefficients;  // [chunk, value head]
  float* tiles;                // per member: [S, kLanes]
  int64_t chunks, bytes;

  GANNET_INLINE Prepared(const DeltaSizes& n, int n_threads, std::byte* memory) {
    chunks = (n.n_tokens + kChunk - 1) / kChunk;
    kq = reinterpret_cast<float*>(memory);
    coefficients = reinterpret_cast<Coefficients*>(kq + chunks * n.key_heads * n.s * 2 * kChunk);
    tiles = reinterpret_cast<float*>(coefficients + chunks * n.heads);
    bytes = reinterpret_cast<std::byte*>(tiles + n_threads * n.s * kLanes) - memory;
  }
};

int64_t workspace(const OpSite& site, int n_threads) {
  return Prepared(DeltaSizes(site), n_threads, nullptr).bytes;
}

GANNET_INLINE float dot(const float* a, const float* b, int64_t n) {
  VF sum = splat(0);
  int64_t c = 0;
  for (; c + kLanes <= n; c += kLanes) sum = fma(load(a + c), load(b + c), sum);
  if (c < n) sum = fma(load_part(a + c, n - c), load_part(b + c, n - c), sum);
  return reduce_add(sum);
}

// Everything that depends on k and q of one chunk and key head. Tokens behind the end are zero with decay 1.
void prepare_chunk(const KernelArgs& args, const DeltaSizes& n, const Prepared& out, int64_t chunk,
                   int64_t kh) {
  const auto& attrs = args.as<GatedDeltaRuleAttrs>();
  const int64_t first = chunk * kChunk;
  const int live = n.n_tokens - first < kChunk ? static_cast<int>(n.n_tokens - first) : kChunk;
  const float* k[kChunk];
  const float* q[kChunk];
  float k_scale[kChunk], q_scale[kChunk];
  for (int t = 0; t < live; ++t) {
    q[t] = args.operands[kQ].f32(first + t, kh);
    k[t] = args.operands[kK].f32(first + t, kh);
    q_scale[t] = l2_scale(q[t], n.s, attrs.eps);
    k_scale[t] = l2_scale(k[t], n.s, attrs.eps);
  }
  float* packed = out.kq + (chunk * n.key_heads + kh) * n.s * 2 * kChunk;
  for (int64_t i = 0; i < n.s; ++i)
    for (int t = 0; t < kChunk; ++t) {
      packed[i * 2 * kChunk + t] = t < live ? k[t][i] * k_scale[t] : 0;
      packed[i * 2 * kChunk + kChunk + t] = t < live ? q[t][i] * q_scale[t] : 0;
    }
  float kk[kChunk][kChunk] = {}, kq[kChunk][kChunk] = {};  // [t][s]
  for (int t = 0; t < live; ++t)
    for (int s = 0; s <= t; ++s) {
      kk[t][s] = dot(k[s], k[t], n.s) * k_scale[s] * k_scale[t];
      kq[t][s] = dot(k[s], q[t], n.s) * k_scale[s] * q_scale[t];
    }
  const float out_scale = 1.0f / __builtin_sqrtf(static_cast<float>(n.s));
  for (int64_t m = 0; m < n.heads / n.key_heads; ++m) {
    const int64_t h = n.value_head(attrs.heads, kh, m);
    Coefficients& c = out.coefficients[chunk * n.heads + h];
    float ratio[kChunk];  // R_st for the current t
    float product = 1;
    for (int t = 0; t < kChunk; ++t) {
      const TokenGates gates = t < live ? token_gates(args, first + t, h) : TokenGates{1, 0};
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
// the first token, `live` tokens of them exist; lanes beyond `width` are not touched in memory.
GANNET_INLINE void pass(float* tile, const float* kq, const Coefficients& c, const TensorView& v,
                        const TensorView& o, int64_t first, int live, int64_t head, int64_t j, int64_t width,
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
    VF value = splat(0);
    if (t < live)
      value =
          width == kLanes ? load(v.f32(first + t, head) + j) : load_part(v.f32(first + t, head) + j, width);
    VF error = fnma(splat(c.seen[t]), seen[t], splat(c.beta[t]) * value);
    for (int u = 0; u < t; ++u) error = fnma(splat(c.inner[t][u]), e[u], error);
    e[t] = error;
    VF result = splat(c.out[t]) * out[t];
    for (int u = 0; u <= t; ++u) result = fma(splat(c.cross[t][u]), e[u], result);
    if (t >= live) continue;
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

int barriers(const OpSite&, int n_threads) {
  return n_threads > 1 ? 1 : 0;
}

void run(const KernelArgs& args, Worker& worker) {
  const DeltaSizes n(args);
  const Prepared in(n, worker.count(), args.workspace);
  int64_t begin, end;
  worker.share(in.chunks * n.key_heads, 1, begin, end);
  for (int64_t i = begin; i < end; ++i) prepare_chunk(args, n, in, i / n.key_heads, i % n.key_heads);
  worker.barrier();

  const RecurrentView& state = *args.operands[kState].as<RecurrentView>();
  const HeadMap map = args.as<GatedDeltaRuleAttrs>().heads;
  const int64_t blocks = (n.s + kLanes - 1) / kLanes;
  float* tile = in.tiles + worker.index() * n.s * kLanes;
  while (worker.claim(n.heads * blocks, 1, begin, end)) {
    const int64_t h = begin / blocks, kh = n.key_head(map, h), j = begin % blocks * kLanes;
    const int64_t width = n.s - j < kLanes ? n.s - j : kLanes;
    const float* read = state.read + (h * n.s + j) * n.s;
    for (int64_t i = 0; i < n.s; ++i)
      for (int64_t lane = 0; lane < kLanes; ++lane)
        tile[i * kLanes + lane] = lane < width ? read[lane * n.s + i] : 0;
    for (int64_t chunk = 0; chunk < in.chunks; ++chunk) {
      const int64_t first = chunk * kChunk;
      const int live = n.n_tokens - first < kChunk ? static_cast<int>(n.n_tokens - first) : kChunk;
      pass(tile, in.kq + (chunk * n.key_heads + kh) * n.s * 2 * kChunk, in.coefficients[chunk * n.heads + h],
           args.operands[kV], args.results[0], first, live, h, j, width, n.s);
    }
    float* write = state.write + (h * n.s + j) * n.s;
    for (int64_t lane = 0; lane < width; ++lane)
      for (int64_t i = 0; i < n.s; ++i) write[lane * n.s + i] = tile[i * kLanes + lane];
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
