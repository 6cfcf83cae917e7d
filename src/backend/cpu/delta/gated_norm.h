// The output norm of Gated DeltaNet. Only for kernel files.
#pragma once

#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {

// y = x * w / sqrt(mean(x^2) + eps) * silu(z); y may be x.
GANNET_INLINE void gated_norm_row(const float* x, const float* w, const float* z, float* y, int64_t n,
                                  float eps) {
  const float mean = sum_of_squares(x, n) / static_cast<float>(n);
  const VF scale = splat(1.0f / __builtin_sqrtf(mean + eps));
  map_row(x, w, z, y, n,
          [&](VF v, VF weight, VF gate) GANNET_LAMBDA { return v * scale * weight * silu(gate); });
}

}  // namespace gannet::GANNET_ISA_NS
