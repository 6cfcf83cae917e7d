#include "backend/cpu/rows.h"
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

// Angle per position of each pair; scaling and the YaRN ramp are factors of it.
void frequencies(const RopeAttrs& a, double* out) {
  const int64_t half = a.n_rot / 2;
  const double log_base = __builtin_log(static_cast<double>(a.base));
  const double ramp = static_cast<double>(a.ramp_high) - a.ramp_low;
  for (int64_t i = 0; i < half; ++i) {
    const double plain =
        __builtin_exp(log_base * (-2.0 * static_cast<double>(i) / static_cast<double>(a.n_rot)));
    double along = (static_cast<double>(i) - a.ramp_low) / (ramp > 0.001 ? ramp : 0.001);
    along = along < 0 ? 0 : along > 1 ? 1 : along;
    const double extrapolate = (1.0 - along) * a.yarn_ext;
    out[i] = plain * (a.freq_scale * (1.0 - extrapolate) + extrapolate);
  }
}

// Cosine and sine of position * frequency. Reduced to |r| <= pi/4 in double (pi/2 in two parts, exact
// products for the first while n < 2^20), then Taylor series to 1e-11. Written so that the compiler can use
// vectors.
void cosines_and_sines(double position, const double* frequency, float magnitude, float* cosine, float* sine,
                       int64_t n) {
  constexpr double kRounder = 6755399441055744.0;  // adding it rounds to an integer
  constexpr double kHalfPiHigh = 0x1.921fb544p+0, kHalfPiLow = 0x1.0b4611a626331p-34;
  for (int64_t i = 0; i < n; ++i) {
    const double phi = position * frequency[i];
    const double turns = (phi * 0.63661977236758134308 + kRounder) - kRounder;
    const double r = (phi - turns * kHalfPiHigh) - turns * kHalfPiLow;
    const double r2 = r * r;
    const double s =
        r +
        r * r2 *
            (-1.0 / 6 + r2 * (1.0 / 120 + r2 * (-1.0 / 5040 + r2 * (1.0 / 362880 + r2 * (-1.0 / 39916800)))));
    const double c =
        1.0 + r2 * (-0.5 + r2 * (1.0 / 24 +
                                 r2 * (-1.0 / 720 +
                                       r2 * (1.0 / 40320 + r2 * (-1.0 / 3628800 + r2 * (1.0 / 479001600))))));
    const int quadrant = static_cast<int>(turns);
    const double cos_size = quadrant & 1 ? s : c, sin_size = quadrant & 1 ? c : s;
    cosine[i] = static_cast<float>((quadrant + 1) & 2 ? -cos_size : cos_size) * magnitude;
    sine[i] = static_cast<float>(quadrant & 2 ? -sin_size : sin_size) * magnitude;
  }
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
  frequencies(a, frequency);
  for (int64_t t = begin; t < end; ++t) {
    cosines_and_sines(positions[t], frequency, a.magnitude, cosine, sine, half);
    for (int64_t h = 0; h < n_heads; ++h) {
      const float *first = x.f32(t, h), *second = first + half;
      float* out = y.f32(t, h);
      map_row(first, second, cosine, sine, out, half,
              [](VF u, VF v, VF c, VF s) GANNET_LAMBDA { return fnma(v, s, u * c); });
      map_row(first, second, cosine, sine, out + half, half,
              [](VF u, VF v, VF c, VF s) GANNET_LAMBDA { return fma(u, s, v * c); });
      map_row(first + a.n_rot, out + a.n_rot, d - a.n_rot, [](VF u) GANNET_LAMBDA { return u; });
    }
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS({"rope", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, GANNET_ISA_NS::workspace,
                GANNET_ISA_NS::run})
