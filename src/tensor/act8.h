// A row of activations for matrix products: the floats, and the same row rounded to 8 bits (DType::kAct8).
//
// Rounding: blocks of 32 share d = max |x| / 127 and q = round(x / d), so |x - d q| <= d / 2 (where max |x| <
// 1e-30 the block becomes zero). A product with weights w is therefore off by at most
//     sum over i of |w_i| d(block of i) / 2,
// besides float32 rounding of the sums. A block with a value that is not finite has d = NaN, so the result is
// NaN. Weights of block types are multiplied with the rounded row; F32, F16 and BF16 weights with the floats.
//
// Memory for n elements, padded with zeros to whole units of 256: codes, then block scales, then sums. The
// codes of a unit lie as [word 0..3][group 0..15][4]: 4 codes of each group of 16 side by side, then their
// next 4, so that a vector sums every group by itself.
#pragma once

#include <cstdint>

#include "tensor/half.h"

namespace gannet {

struct ActRow {
  const float* x = nullptr;  // n floats
  const int8_t* q =
      nullptr;  // padded(n) codes, by act_place(); this and the next two are null if nothing was rounded
  const float* d = nullptr;       // one per 32
  const int16_t* sums = nullptr;  // of q, one per 16
};

GANNET_INLINE int64_t act_padded(int64_t n) {
  return (n + 255) / 256 * 256;
}

// Where the code of element i of a row lies.
GANNET_INLINE int64_t act_place(int64_t i) {
  return i / 256 * 256 + i % 16 / 4 * 64 + i % 256 / 16 * 4 + i % 4;
}

// Bytes of the rounded form of a row of n elements; a multiple of 64.
GANNET_INLINE int64_t act_bytes(int64_t n) {
  return act_padded(n) / 4 * 5;
}

// The rounded row that lies at `memory`.
GANNET_INLINE ActRow act_row(const float* x, const void* memory, int64_t n) {
  const auto* bytes = static_cast<const uint8_t*>(memory);
  const int64_t padded = act_padded(n);
  return {x, reinterpret_cast<const int8_t*>(bytes), reinterpret_cast<const float*>(bytes + padded),
          reinterpret_cast<const int16_t*>(bytes + padded + padded / 8)};
}

}  // namespace gannet
