// Rotary position embedding of heads, the inside of rope and attention_mixer. Only for kernel files.
#pragma once

#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {

// As RopeAttrs of ops/rope/rope.h.
struct Rotation {
  int64_t n_rot;
  float base, freq_scale, yarn_ext, magnitude, ramp_low, ramp_high;
};

// Angle per position of each pair; scaling and the YaRN ramp are factors of it.
GANNET_INLINE void frequencies(const Rotation& a, double* out) {
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
GANNET_INLINE void cosines_and_sines(double position, const double* frequency, float magnitude, float* cosine,
                                     float* sine, int64_t n) {
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

// One head: y = x rotated. x and y are different memory.
GANNET_INLINE void rotate_head(const float* x, const float* cosine, const float* sine, int64_t n_rot,
                               float* y, int64_t d) {
  const int64_t half = n_rot / 2;
  map_row(x, x + half, cosine, sine, y, half,
          [](VF u, VF v, VF c, VF s) GANNET_LAMBDA { return fnma(v, s, u * c); });
  map_row(x, x + half, cosine, sine, y + half, half,
          [](VF u, VF v, VF c, VF s) GANNET_LAMBDA { return fma(u, s, v * c); });
  map_row(x + n_rot, y + n_rot, d - n_rot, [](VF u) GANNET_LAMBDA { return u; });
}

}  // namespace gannet::GANNET_ISA_NS
