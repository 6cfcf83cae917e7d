// The rounding of an activation row, the law: what quantize_act() computes, written for one value at a time.
// For reference kernels and test data.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/act8.h"

namespace gannet {

// Rounds n floats, a multiple of 32, into `memory` (act_bytes(n)). The arithmetic is float on purpose: a
// value half way between two codes must go to the same one as in the fast kernels.
inline void round_act_row(const float* x, int64_t n, void* memory) {
  std::memset(memory, 0, static_cast<size_t>(act_bytes(n)));
  const int64_t padded = act_padded(n);
  auto* q = static_cast<int8_t*>(memory);
  auto* d = reinterpret_cast<float*>(q + padded);
  auto* sums = reinterpret_cast<int16_t*>(q + padded + padded / 8);
  for (int64_t block = 0; block < n / 32; ++block) {
    const float* from = x + 32 * block;
    float largest = 0;
    bool finite = true;
    for (int i = 0; i < 32; ++i) {
      largest = std::fmax(largest, std::fabs(from[i]));
      finite = finite && std::isfinite(from[i]);
    }
    if (!finite) {
      d[block] = std::numeric_limits<float>::quiet_NaN();
      continue;
    }
    if (largest < 1e-30f) continue;
    d[block] = largest / 127.0f;
    const float inverse = 127.0f / largest;
    for (int i = 0; i < 32; ++i) {
      const auto code = static_cast<int8_t>(std::nearbyint(from[i] * inverse));
      q[act_place(32 * block + i)] = code;
      sums[2 * block + i / 16] = static_cast<int16_t>(sums[2 * block + i / 16] + code);
    }
  }
}

}  // namespace gannet
