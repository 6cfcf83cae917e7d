// Cache rows as float vectors. Only for kernel files.
#pragma once

#include "backend/cpu/kv/kv_rows.h"
#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {

GANNET_INLINE float read_f16(const std::byte* p) {
  uint16_t bits;
  __builtin_memcpy(&bits, p, sizeof(bits));
#if defined(__AVX2__)
  return _cvtsh_ss(bits);
#else
  return f16_to_f32(bits);
#endif
}

// Elements [i, i + kLanes) of a cache row.
template <DType kType>
GANNET_INLINE VF load_kv(const std::byte* row, int64_t i) {
  if constexpr (kType == DType::kF32) {
    return load(reinterpret_cast<const float*>(row) + i);
  } else if constexpr (kType == DType::kF16) {
    return load_f16(reinterpret_cast<const uint16_t*>(row) + i);
  } else if constexpr (kType == DType::kBF16) {
    return load_bf16(reinterpret_cast<const uint16_t*>(row) + i);
  } else {
    static_assert(kType == DType::kQ8_0, "a format without vectors");
    const std::byte* block = row + i / 32 * 34;
    return load_i8(reinterpret_cast<const int8_t*>(block + 2) + i % 32) * splat(read_f16(block));
  }
}

// Writes `n` rows of `d` cached elements as floats with a row stride of `stride` floats, zero from d to
// `stride`. `step` is the distance of two rows in bytes.
template <DType kType>
GANNET_INLINE void widen_rows(const std::byte* rows, int64_t step, int64_t n, int64_t d, float* out,
                              int64_t stride) {
  for (int64_t r = 0; r < n; ++r, rows += step, out += stride) {
    int64_t i = 0;
    for (; i + kLanes <= d; i += kLanes) store(out + i, load_kv<kType>(rows, i));
    for (; i < d; ++i) {
      if constexpr (kType == DType::kF32) out[i] = reinterpret_cast<const float*>(rows)[i];
      if constexpr (kType == DType::kF16) out[i] = f16_to_f32(reinterpret_cast<const uint16_t*>(rows)[i]);
      if constexpr (kType == DType::kBF16) out[i] = bf16_to_f32(reinterpret_cast<const uint16_t*>(rows)[i]);
    }
    for (; i < stride; ++i) out[i] = 0;
  }
}

GANNET_INLINE void store_kv_vectors(DType type, const float* x, std::byte* row, int64_t n) {
  if (type != DType::kF16) return store_kv_row(type, x, row, n);
  auto* out = reinterpret_cast<uint16_t*>(row);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_f16(out + i, load(x + i));
  for (; i < n; ++i) out[i] = f32_to_f16(x[i]);
}

}  // namespace gannet::GANNET_ISA_NS
