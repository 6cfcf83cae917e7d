// Short spellings for the operands of cases (case.h).
#pragma once

#include "ops/case.h"

namespace gannet {

// Activations: may be strided in the leading axes.
inline CaseOperand normal(const Shape& shape, double scale = 1.0) {
  return {{DType::kF32, shape}, {.kind = Fill::Kind::kNormal, .scale = scale}, true};
}
inline CaseOperand uniform(const Shape& shape, double low, double high) {
  return {{DType::kF32, shape}, {.kind = Fill::Kind::kUniform, .low = low, .high = high}, true};
}
// Values with many equal among them.
inline CaseOperand whole(const Shape& shape, double low, double high) {
  return {{DType::kF32, shape}, {.kind = Fill::Kind::kWhole, .low = low, .high = high}, true};
}
// F32 parameters: contiguous.
inline CaseOperand parameter(const Shape& shape, double low, double high) {
  return {{DType::kF32, shape}, {.kind = Fill::Kind::kUniform, .low = low, .high = high}};
}
// The rounded rows of operand `of`, which has the shape x and comes before.
inline CaseOperand rounded(const Shape& x, size_t of) {
  const int64_t unit = dtype_info(DType::kAct8).block_elems, padded = (x.dim[1] + unit - 1) / unit * unit;
  return {{DType::kAct8, Shape(x.dim[0], padded)}, {.kind = Fill::Kind::kRounded, .of = of}};
}
inline CaseOperand absent() {
  return {{}, {.kind = Fill::Kind::kAbsent}};
}
inline CaseOperand positions(int64_t n, int64_t first) {
  return {{DType::kI32, Shape(n)}, {.kind = Fill::Kind::kPositions, .low = static_cast<double>(first)}};
}
inline CaseOperand recurrent(const Shape& shape, double scale = 1.0) {
  return {{DType::kRecurrent, shape}, {.kind = Fill::Kind::kState, .scale = scale}};
}
inline CaseOperand kv_cache(int64_t n_kv_heads, int64_t head_dim, int64_t n_past, DType k_type, DType v_type,
                            int64_t n_new = 0, bool new_stored = false) {
  return {{DType::kKvCache, Shape(n_kv_heads, head_dim)},
          {.kind = Fill::Kind::kState,
           .scale = 1.0,
           .low = static_cast<double>(n_past),
           .k_type = k_type,
           .v_type = v_type,
           .n_new = n_new,
           .new_stored = new_stored}};
}
inline CaseOperand kv_cache(int64_t n_kv_heads, int64_t head_dim, int64_t n_past, DType type,
                            int64_t n_new = 0, bool new_stored = false) {
  return kv_cache(n_kv_heads, head_dim, n_past, type, type, n_new, new_stored);
}

}  // namespace gannet
