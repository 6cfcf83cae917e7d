// Small matrices transposed in registers. Only for kernel files.
#pragma once

#include <cstddef>

#include "backend/cpu/vec.h"

namespace gannet::GANNET_ISA_NS {

GANNET_INLINE const float* row_at(const float* base, int64_t row, int64_t step) {
  return reinterpret_cast<const float*>(reinterpret_cast<const std::byte*>(base) + row * step);
}
GANNET_INLINE float* row_at(float* base, int64_t row, int64_t step) {
  return reinterpret_cast<float*>(reinterpret_cast<std::byte*>(base) + row * step);
}

#if defined(__AVX2__)

inline constexpr int kTransposeSide = 8;

// to[j][i] = from[i][j] for a square of kTransposeSide; steps in bytes.
GANNET_INLINE void transpose_square(const float* from, int64_t from_step, float* to, int64_t to_step) {
  __m256 row[8], pair[8];
  for (int i = 0; i < 4; ++i) {  // rows i and i + 4 share a register, by halves of 4 columns
    const __m256 upper = _mm256_loadu_ps(row_at(from, i, from_step));
    const __m256 lower = _mm256_loadu_ps(row_at(from, i + 4, from_step));
    row[i] = _mm256_permute2f128_ps(upper, lower, 0x20);
    row[i + 4] = _mm256_permute2f128_ps(upper, lower, 0x31);
  }
  for (int half = 0; half < 8; half += 4) {
    pair[half] = _mm256_unpacklo_ps(row[half], row[half + 1]);
    pair[half + 1] = _mm256_unpackhi_ps(row[half], row[half + 1]);
    pair[half + 2] = _mm256_unpacklo_ps(row[half + 2], row[half + 3]);
    pair[half + 3] = _mm256_unpackhi_ps(row[half + 2], row[half + 3]);
    _mm256_storeu_ps(row_at(to, half, to_step), _mm256_shuffle_ps(pair[half], pair[half + 2], 0x44));
    _mm256_storeu_ps(row_at(to, half + 1, to_step), _mm256_shuffle_ps(pair[half], pair[half + 2], 0xEE));
    _mm256_storeu_ps(row_at(to, half + 2, to_step), _mm256_shuffle_ps(pair[half + 1], pair[half + 3], 0x44));
    _mm256_storeu_ps(row_at(to, half + 3, to_step), _mm256_shuffle_ps(pair[half + 1], pair[half + 3], 0xEE));
  }
}

#else  // NEON

inline constexpr int kTransposeSide = 4;

GANNET_INLINE void transpose_square(const float* from, int64_t from_step, float* to, int64_t to_step) {
  const float32x4x2_t a = vtrnq_f32(vld1q_f32(from), vld1q_f32(row_at(from, 1, from_step)));
  const float32x4x2_t b =
      vtrnq_f32(vld1q_f32(row_at(from, 2, from_step)), vld1q_f32(row_at(from, 3, from_step)));
  vst1q_f32(to, vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0])));
  vst1q_f32(row_at(to, 1, to_step), vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1])));
  vst1q_f32(row_at(to, 2, to_step), vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0])));
  vst1q_f32(row_at(to, 3, to_step), vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1])));
}

#endif

// to[j][i] = from[i][j], i < rows, j < columns; steps of rows in bytes.
GANNET_INLINE void transpose(const float* from, int64_t from_step, float* to, int64_t to_step, int64_t rows,
                             int64_t columns) {
  constexpr int64_t kSide = kTransposeSide;
  const int64_t whole_rows = rows / kSide * kSide, whole_columns = columns / kSide * kSide;
  // Squares one below the other first, as many as fill a cache line of `to`: rows of `to` are often a power
  // of two apart, and lines that all want the same place in the cache must be complete before the next ones
  // come.
  constexpr int64_t kLine = 16;
  for (int64_t line = 0; line < whole_rows; line += kLine)
    for (int64_t j = 0; j < whole_columns; j += kSide)
      for (int64_t i = line; i < whole_rows && i < line + kLine; i += kSide)
        transpose_square(row_at(from, i, from_step) + j, from_step, row_at(to, j, to_step) + i, to_step);
  for (int64_t j = 0; j < columns; ++j)
    for (int64_t i = j < whole_columns ? whole_rows : 0; i < rows; ++i)
      row_at(to, j, to_step)[i] = row_at(from, i, from_step)[j];
}

}  // namespace gannet::GANNET_ISA_NS
