// routed_experts, the law: weights widened to F32, sums in double. Members take rows of the gate and up
// matrices, then rows of the down matrix.
#include <cmath>

#include "backend/api/kernel.h"
#include "base/check.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

int64_t row_floats(const Shape& x, const Shape& down) {
  return x.dim[1] > down.dim[2] ? x.dim[1] : down.dim[2];
}

// Hidden values of all (token, choice) pairs, then one row per member.
int64_t workspace(const OpSite& site, int n_threads) {
  const Shape &x = site.operands[0].shape, &down = site.operands[5].shape;
  return (site.operands[1].shape.elements() * down.dim[2] + n_threads * row_floats(x, down)) *
         static_cast<int64_t>(sizeof(float));
}

double dot(const TensorView& w, int64_t expert, int64_t row, const float* x, float* scratch) {
  const int64_t n = w.shape.dim[2];
  dequantize_row(w.dtype, w.data + expert * w.stride[0] + row * w.stride[1], scratch, n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(scratch[i]) * static_cast<double>(x[i]);
  return sum;
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &experts = args.operands[1], &weights = args.operands[2];
  const TensorView &gate = args.operands[3], &down = args.operands[5], &y = args.results[0];
  const bool fused = args.operands[4].data == nullptr;
  const int64_t live = args.rows.live_of(x.shape.dim[0]), top_k = experts.shape.dim[1];
  const int64_t n_embd = down.shape.dim[1], n_ff = down.shape.dim[2];
  const TensorView& up = fused ? gate : args.operands[4];
  const int64_t up_row = fused ? n_ff : 0;
  float* hidden = reinterpret_cast<float*>(args.workspace);
  float* scratch =
      hidden + experts.shape.elements() * n_ff + worker.index() * row_floats(x.shape, down.shape);
  const auto expert_of = [&](int64_t t, int64_t k) {
    const int64_t e = reinterpret_cast<const int32_t*>(experts.data + t * experts.stride[0])[k];
    GANNET_CHECK(e >= 0 && e < down.shape.dim[0], "routed_experts: no such expert");
    return e;
  };

  int64_t begin, end;
  worker.share(n_ff, 1, begin, end);
  for (int64_t t = 0; t < live; ++t)
    for (int64_t k = 0; k < top_k; ++k)
      for (int64_t f = begin; f < end; ++f) {
        const double g = dot(gate, expert_of(t, k), f, x.f32(t), scratch);
        const double u = dot(up, expert_of(t, k), up_row + f, x.f32(t), scratch);
        hidden[(t * top_k + k) * n_ff + f] = static_cast<float>(g / (1 + std::exp(-g)) * u);
      }
  worker.barrier();

  worker.share(n_embd, 1, begin, end);
  for (int64_t t = 0; t < live; ++t)
    for (int64_t o = begin; o < end; ++o) {
      double sum = 0;
      for (int64_t k = 0; k < top_k; ++k)
        sum += static_cast<double>(weights.f32(t)[k]) *
               dot(down, expert_of(t, k), o, hidden + (t * top_k + k) * n_ff, scratch);
      y.f32(t)[o] = static_cast<float>(sum);
    }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(routed_experts, {.op = "routed_experts",
                                .name = "reference",
                                .isa = Isa::kScalar,
                                .priority = 0,
                                .refuses = nullptr,
                                .workspace = workspace,
                                .run = run,
                                .barriers = [](const OpSite&, int) { return 1; }})
