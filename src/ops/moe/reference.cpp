// moe, the law: weights widened to F32, sums in double; the choice as the router's law makes it. Every member
// chooses for itself, then takes values of the hidden layers, then rows of the result.
#include <algorithm>
#include <cmath>

#include "backend/api/kernel.h"
#include "ops/moe/moe.h"
#include "ops/moe/operands.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

struct Sizes {
  int64_t n_tokens, n_embd, n_ff, n_experts, n_shared, top_k;

  template <class Type>
  Sizes(const Type* o, const void* attrs)
      : n_tokens(o[kX].shape.dim[0]),
        n_embd(o[kX].shape.dim[1]),
        n_ff(o[kDown].shape.dim[2]),
        n_experts(o[kDown].shape.dim[0]),
        n_shared(o[kSharedDown].shape.rank == 0 ? 0 : o[kSharedDown].shape.dim[1]),
        top_k(static_cast<const MoeAttrs*>(attrs)->top_k) {}

  int64_t token_floats() const { return top_k * n_ff + n_shared; }  // hidden values
  int64_t row_floats() const { return std::max({n_embd, n_ff, n_shared}); }
  // A widened row, then the choice of one token.
  int64_t member_floats() const { return row_floats() + 2 * top_k; }
};

int64_t workspace(const OpSite& site, int n_threads) {
  const Sizes s(site.operands, site.attrs);
  return (s.n_tokens * s.token_floats() + n_threads * s.member_floats()) * int64_t{sizeof(float)};
}

double dot(const TensorView& w, const std::byte* row, const float* x, float* scratch) {
  const int64_t n = w.shape.last();
  dequantize_row(w.dtype, row, scratch, n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(scratch[i]) * static_cast<double>(x[i]);
  return sum;
}

const std::byte* expert_row(const TensorView& w, int64_t e, int64_t row) {
  return w.data + e * w.stride[0] + row * w.stride[1];
}

// As router/reference.cpp.
void route(const float* logits, const Sizes& s, int32_t* experts, float* weights) {
  double largest = -INFINITY, total = 0, chosen = 0;
  bool nan = false;
  for (int64_t e = 0; e < s.n_experts; ++e) {
    nan |= std::isnan(logits[e]);
    if (logits[e] > largest) largest = logits[e];
  }
  for (int64_t e = 0; e < s.n_experts; ++e) total += std::exp(logits[e] - largest);
  for (int64_t k = 0; k < s.top_k; ++k) {
    int64_t best = nan ? k : -1;
    for (int64_t e = 0; e < s.n_experts && !nan; ++e) {
      bool taken = false;
      for (int64_t j = 0; j < k; ++j) taken |= experts[j] == e;
      if (!taken && (best < 0 || logits[e] > logits[best])) best = e;
    }
    experts[k] = static_cast<int32_t>(best);
    const double share = nan ? NAN : std::exp(logits[best] - largest) / total;
    weights[k] = static_cast<float>(share);
    chosen += share;
  }
  for (int64_t k = 0; k < s.top_k; ++k)
    weights[k] = static_cast<float>(weights[k] / std::fmax(chosen, 0x1p-14));
}

double silu(double x) {
  return x / (1 + std::exp(-x));
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView* o = args.operands;
  const TensorView &gate = o[kGate], &down = o[kDown], &y = args.results[0];
  const bool fused = o[kUp].data == nullptr;
  const TensorView& up = fused ? gate : o[kUp];
  const Sizes s(o, args.attrs);
  float* all_hidden = reinterpret_cast<float*>(args.workspace);
  float* scratch = all_hidden + s.n_tokens * s.token_floats() + worker.index() * s.member_floats();
  auto* experts = reinterpret_cast<int32_t*>(scratch + s.row_floats());
  float* weights = scratch + s.row_floats() + s.top_k;

  int64_t begin, end;
  for (int64_t t = 0; t < s.n_tokens; ++t) {
    float* hidden = all_hidden + t * s.token_floats();
    route(o[kLogits].f32(t), s, experts, weights);
    worker.share(s.n_ff, 1, begin, end);
    for (int64_t k = 0; k < s.top_k; ++k)
      for (int64_t f = begin; f < end; ++f) {
        const double g = dot(gate, expert_row(gate, experts[k], f), o[kX].f32(t), scratch);
        const double u = dot(up, expert_row(up, experts[k], (fused ? s.n_ff : 0) + f), o[kX].f32(t), scratch);
        hidden[k * s.n_ff + f] = static_cast<float>(silu(g) * u);
      }
    worker.share(s.n_shared, 1, begin, end);
    for (int64_t f = begin; f < end; ++f)
      hidden[s.top_k * s.n_ff + f] =
          static_cast<float>(silu(o[kSharedGate].f32(t)[f]) * o[kSharedUp].f32(t)[f]);
  }
  worker.barrier();

  worker.share(s.n_embd, 1, begin, end);
  for (int64_t t = 0; t < s.n_tokens; ++t) {
    const float* hidden = all_hidden + t * s.token_floats();
    route(o[kLogits].f32(t), s, experts, weights);
    for (int64_t i = begin; i < end; ++i) {
      double sum = o[kResidual].data == nullptr ? 0.0 : static_cast<double>(o[kResidual].f32(t)[i]);
      for (int64_t k = 0; k < s.top_k; ++k)
        sum += static_cast<double>(weights[k]) *
               dot(down, expert_row(down, experts[k], i), hidden + k * s.n_ff, scratch);
      if (s.n_shared > 0) {
        const TensorView& shared = o[kSharedDown];
        sum += dot(shared, shared.data + i * shared.stride[0], hidden + s.top_k * s.n_ff, scratch) /
               (1 + std::exp(-static_cast<double>(o[kSharedScale].f32(t)[0])));
      }
      y.f32(t)[i] = static_cast<float>(sum);
    }
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(moe, {.op = "moe",
                     .name = "reference",
                     .isa = Isa::kScalar,
                     .priority = 0,
                     .refuses = nullptr,
                     .workspace = workspace,
                     .run = run,
                     .barriers = [](const OpSite&, int) { return 1; }})
