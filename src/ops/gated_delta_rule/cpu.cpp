// The recurrence token by token (backend/cpu/delta/recurrence.h). Memory-bound for one token; a row stays in
// the first-level cache while the tokens of a run pass over it.
#include "ops/gated_delta_rule/inputs.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kRowsOfItem = 32;

// Per token: q and k of every key head, normalised, their product, and the gates of every value head.
struct Prepared {
  float *q, *k, *kq, *gates;
  int64_t floats;

  GANNET_INLINE Prepared(const DeltaSizes& n, std::byte* memory) {
    q = reinterpret_cast<float*>(memory);
    k = q + n.n_tokens * n.key_heads * n.s;
    kq = k + n.n_tokens * n.key_heads * n.s;
    gates = kq + n.n_tokens * n.key_heads;
    floats = n.n_tokens * (2 * n.key_heads * n.s + n.key_heads + 2 * n.heads);
  }
};

int64_t workspace(const OpSite& site, int) {
  return Prepared(DeltaSizes(site), nullptr).floats * int64_t{sizeof(float)};
}

void prepare(const KernelArgs& args, const DeltaSizes& n, const Prepared& out, const Worker& worker) {
  const float eps = args.as<GatedDeltaRuleAttrs>().eps;
  int64_t begin, end;
  worker.share(n.n_tokens * n.key_heads, 1, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t t = i / n.key_heads, h = i % n.key_heads;
    const float *q = args.operands[kQ].f32(t, h), *k = args.operands[kK].f32(t, h);
    out.kq[i] = normalise_qk(q, k, n.s, eps, out.q + i * n.s, out.k + i * n.s);
  }
  worker.share(n.n_tokens * n.heads, 1, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    const TokenGates gates = token_gates(args, i / n.heads, i % n.heads);
    out.gates[2 * i] = gates.decay;
    out.gates[2 * i + 1] = gates.beta;
  }
}

int barriers(const OpSite&, int n_threads) {
  return n_threads > 1 ? 1 : 0;
}

void run(const KernelArgs& args, Worker& worker) {
  const DeltaSizes n(args);
  const Prepared in(n, args.workspace);
  prepare(args, n, in, worker);
  worker.barrier();

  const RecurrentView& state = *args.operands[kState].as<RecurrentView>();
  const TensorView &v = args.operands[kV], &o = args.results[0];
  const HeadMap map = args.as<GatedDeltaRuleAttrs>().heads;
  const float out_scale = 1.0f / __builtin_sqrtf(static_cast<float>(n.s));
  const int64_t items_per_head = (n.s + kRowsOfItem - 1) / kRowsOfItem;
  int64_t item, item_end;
  while (worker.claim(n.heads * items_per_head, 1, item, item_end)) {
    const int64_t h = item / items_per_head, kh = n.key_head(map, h);
    const int64_t first = item % items_per_head * kRowsOfItem;
    const int64_t last = first + kRowsOfItem < n.s ? first + kRowsOfItem : n.s;
    for (int64_t j = first; j < last; j += kDeltaRows) {
      const float* from = state.read + (h * n.s + j) * n.s;
      float* to = state.write + (h * n.s + j) * n.s;
      for (int64_t t = 0; t < n.n_tokens; ++t) {
        const int64_t at = t * n.key_heads + kh;
        const float* gates = in.gates + 2 * (t * n.heads + h);
        delta_step(from, to, in.q + at * n.s, in.k + at * n.s, v.f32(t, h) + j, o.f32(t, h) + j,
                   {gates[0], gates[1]}, in.kq[at], out_scale, n.s);
        from = to;
      }
    }
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(gated_delta_rule,
               {"gated_delta_rule", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, GANNET_ISA_NS::delta_refuses,
                GANNET_ISA_NS::workspace, GANNET_ISA_NS::run, GANNET_ISA_NS::barriers})
