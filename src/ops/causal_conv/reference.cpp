#include <cmath>

#include "backend/api/kernel.h"
#include "backend/api/state_view.h"

namespace gannet {
namespace {

// One channel of one segment.
void convolve(const TensorView& x, const float* w, int64_t taps, const RecurrentView& state,
              const StepSegment& segment, int64_t c, const TensorView& y) {
  const int64_t n_channels = x.shape.dim[1], past = taps - 1;
  // Input of row t of the segment; negative rows lie in the ring and before it in the base.
  const auto input = [&](int64_t t) {
    const int64_t after_base = segment.n_past + t - segment.base_at;
    return t >= 0            ? x.f32(segment.first_row + t)[c]
           : after_base >= 0 ? state.entries(segment, segment.n_past + t).entry()[c]
                             : state.base(segment)[(past + after_base) * n_channels + c];
  };
  for (int64_t t = 0; t < segment.n_rows; ++t) {
    double sum = 0;
    for (int64_t i = 0; i < taps; ++i) sum += static_cast<double>(w[i]) * input(t - past + i);
    y.f32(segment.first_row + t)[c] = static_cast<float>(sum / (1.0 + std::exp(-sum)));
  }
  // Rises: in place, an input is read before it is overwritten.
  for (int64_t i = 0; i < past && segment.base_after() >= 0; ++i)
    state.next_base(segment)[i * n_channels + c] = input(segment.base_after() - past + i);
  for (int64_t t = segment.rows_in_base(); t < segment.n_rows; ++t)
    state.next_entries(segment, segment.n_past + t).entry()[c] = input(t);
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1];
  const RecurrentView& state = *args.operands[2].as<RecurrentView>();
  int64_t begin, end;
  worker.share(x.shape.dim[1], 1, begin, end);
  for (int64_t g = 0; g < state.step->n_segments; ++g)
    for (int64_t c = begin; c < end; ++c)
      convolve(x, w.f32(c), w.shape.dim[1], state, state.step->segments[g], c, args.results[0]);
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(causal_conv, {"causal_conv", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
