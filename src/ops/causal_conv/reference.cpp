#include <cmath>

#include "backend/api/kernel.h"
#include "backend/api/state_view.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &y = args.results[0];
  const RecurrentView& state = *args.operands[2].as<RecurrentView>();
  const int64_t n_tokens = x.shape.dim[0], n_channels = x.shape.dim[1], taps = w.shape.dim[1],
                past = taps - 1;
  int64_t begin, end;
  worker.share(n_channels, 1, begin, end);
  for (int64_t c = begin; c < end; ++c) {
    // Input at time t of this run; negative times lie in the state.
    const auto input = [&](int64_t t) {
      return t >= 0 ? x.f32(t)[c] : state.read[(past + t) * n_channels + c];
    };
    for (int64_t t = 0; t < n_tokens; ++t) {
      double sum = 0;
      for (int64_t i = 0; i < taps; ++i) sum += static_cast<double>(w.f32(c)[i]) * input(t - past + i);
      y.f32(t)[c] = static_cast<float>(sum / (1.0 + std::exp(-sum)));
    }
    // Rises: when read == write, a row is read before it is overwritten.
    for (int64_t i = 0; i < past; ++i) state.write[i * n_channels + c] = input(n_tokens - past + i);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(causal_conv, {"causal_conv", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
