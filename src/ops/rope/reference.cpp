#include <cmath>

#include "backend/api/kernel.h"
#include "ops/rope/rope.h"

namespace gannet {
namespace {

double angle(const RopeAttrs& a, int64_t position, int64_t pair) {
  const double plain =
      static_cast<double>(position) *
      std::pow(static_cast<double>(a.base), -2.0 * static_cast<double>(pair) / static_cast<double>(a.n_rot));
  const double interpolated = plain * a.freq_scale;
  if (a.yarn_ext == 0) return interpolated;
  const double along = (static_cast<double>(pair) - a.ramp_low) /
                       std::fmax(0.001, static_cast<double>(a.ramp_high) - a.ramp_low);
  const double extrapolate = (1.0 - std::fmin(std::fmax(along, 0.0), 1.0)) * a.yarn_ext;
  return interpolated * (1.0 - extrapolate) + plain * extrapolate;
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const int32_t* positions = args.operands[1].as<int32_t>();
  const auto& a = args.as<RopeAttrs>();
  const int64_t half = a.n_rot / 2, n_heads = x.shape.dim[1], head_dim = x.shape.dim[2];
  int64_t begin, end;
  worker.share(x.shape.dim[0], 1, begin, end);
  for (int64_t t = begin; t < end; ++t) {
    for (int64_t i = 0; i < half; ++i) {
      const double phi = angle(a, positions[t], i);
      const double c = std::cos(phi) * a.magnitude, s = std::sin(phi) * a.magnitude;
      for (int64_t h = 0; h < n_heads; ++h) {
        const double first = x.f32(t, h)[i], second = x.f32(t, h)[i + half];
        y.f32(t, h)[i] = static_cast<float>(first * c - second * s);
        y.f32(t, h)[i + half] = static_cast<float>(first * s + second * c);
      }
    }
    for (int64_t h = 0; h < n_heads; ++h)
      for (int64_t i = a.n_rot; i < head_dim; ++i) y.f32(t, h)[i] = x.f32(t, h)[i];
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(rope, {"rope", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
