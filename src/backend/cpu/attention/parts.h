// What run_attention is made of. Internal to backend/cpu/attention.
#pragma once

#include "backend/cpu/attention/pieces.h"

namespace gannet::GANNET_ISA_NS {

inline constexpr float kMinusInfinity = -__builtin_inff();

// Unfinished results of the rows of a block for one KV head, a row being a token and one of its query heads:
// the largest score, and relative to it the sum of the weights and the weighted sum of V.
struct Partial {
  float *o, *largest, *sum;  // [rows, stride], [rows], [rows]

  GANNET_INLINE Partial(float* at, int64_t rows, int64_t stride)
      : o(at), largest(at + rows * stride), sum(largest + rows) {}
  static GANNET_INLINE int64_t floats(int64_t rows, int64_t stride) {
    return rows * stride + round_up(2 * rows, 16);
  }
};

// One block and KV head over the positions [begin, end). q holds its rows, scaled, [rows, stride].
void attend_span(const AttentionUse& use, const AttentionSizes& n, const RowBlock& block, int64_t kv_head,
                 const float* q, int64_t begin, int64_t end, float* scratch, const Partial& out);
int64_t span_scratch_floats(const AttentionSizes& n);

// Rows [first, first + kQueryRows) of a tiled block, from the context's start to the result. `made` holds the
// queries [row of the step, head, stride] when they were made here.
void attend_tiled(const AttentionUse& use, const AttentionSizes& n, const RowBlock& block, int64_t kv_head,
                  int64_t first, const float* made, float* scratch);
int64_t tiled_scratch_floats(const AttentionSizes& n);

}  // namespace gannet::GANNET_ISA_NS
