#include "backend/cpu/rotation.h"
#include "ops/rope/rope.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// Per member: a frequency per pair in double, then cosines and sines of one token.
int64_t member_bytes(int64_t half) {
  return (half * 16 + 63) / 64 * 64;
}

int64_t workspace(const OpSite& site, int n_threads) {
  return n_threads * member_bytes(static_cast<const RopeAttrs*>(site.attrs)->n_rot / 2);
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const int32_t* positions = args.operands[1].as<int32_t>();
  const auto& a = args.as<RopeAttrs>();
  const int64_t half = a.n_rot / 2, n_heads = x.shape.dim[1], d = x.shape.dim[2];
  int64_t begin, end;
  share_rows(worker, x.shape.dim[0], n_heads * d, begin, end);
  if (begin == end) return;
  double* frequency = reinterpret_cast<double*>(args.workspace + worker.index() * member_bytes(half));
  float* cosine = reinterpret_cast<float*>(frequency + half);
  float* sine = cosine + half;
  frequencies({a.n_rot, a.base, a.freq_scale, a.yarn_ext, a.magnitude, a.ramp_low, a.ramp_high}, frequency);
  for (int64_t t = begin; t < end; ++t) {
    cosines_and_sines(positions[t], frequency, a.magnitude, cosine, sine, half);
    for (int64_t h = 0; h < n_heads; ++h) rotate_head(x.f32(t, h), cosine, sine, a.n_rot, y.f32(t, h), d);
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(rope, {"rope", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, GANNET_ISA_NS::workspace,
                      GANNET_ISA_NS::run})
