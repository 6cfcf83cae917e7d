// The law of one head's attention for one token, shared by the reference kernels of the ops that attend.
#pragma once

#include <cmath>

#include "backend/cpu/kv/kv_rows.h"

namespace gannet {

// y[d] = softmax(scale q K^T) V over the first n_seen rows of a KV head, times sigmoid(gate) where gate is
// given. Sums in double. out holds d doubles, row d floats, for the time of the call.
inline void attend_reference(const KvView& kv, const StepSegment& segment, int64_t kv_head, int64_t n_seen,
                             const float* q, double scale, const float* gate, double* out, float* row,
                             float* y, int64_t d) {
  const auto score = [&](int64_t position) {
    dequantize_row(kv.k_type, kv_row(kv, segment, kv.k_offset, kv.k_type, kv_head, position), row, d);
    double sum = 0;
    for (int64_t i = 0; i < d; ++i) sum += static_cast<double>(q[i]) * row[i];
    return sum * scale;
  };
  double max = score(0);
  for (int64_t p = 1; p < n_seen; ++p) max = std::fmax(max, score(p));
  double sum = 0;
  for (int64_t i = 0; i < d; ++i) out[i] = 0;
  for (int64_t p = 0; p < n_seen; ++p) {
    const double weight = std::exp(score(p) - max);
    sum += weight;
    dequantize_row(kv.v_type, kv_row(kv, segment, kv.v_offset, kv.v_type, kv_head, p), row, d);
    for (int64_t i = 0; i < d; ++i) out[i] += weight * row[i];
  }
  for (int64_t i = 0; i < d; ++i) {
    double value = out[i] / sum;
    if (gate != nullptr) value /= 1.0 + std::exp(-static_cast<double>(gate[i]));
    y[i] = static_cast<float>(value);
  }
}

}  // namespace gannet
