// Rows of the KV cache: where they lie and how a new one is stored. Shared by all kernels, so that
// what they leave in the cache is the same to the bit.
#pragma once

#include <cstring>

#include "backend/api/state_view.h"
#include "base/check.h"
#include "base/worker.h"
#include "tensor/codec.h"
#include "tensor/shape.h"

namespace gannet {

// Bytes of a row of `n` elements of a cache type (F32, F16, BF16; Q8_0 in blocks of 32).
GANNET_INLINE int64_t kv_row_bytes(DType type, int64_t n) {
  return type == DType::kF32 ? 4 * n : type == DType::kQ8_0 ? n / 32 * 34 : 2 * n;
}

GANNET_INLINE std::byte* kv_row(const KvView& kv, int64_t part_offset, DType type, int64_t head,
                                int64_t position) {
  const int64_t page = position / kv.page_tokens, slot = position % kv.page_tokens;
  return kv.pages[page] + part_offset + (head * kv.page_tokens + slot) * kv_row_bytes(type, kv.head_dim);
}

GANNET_INLINE void store_kv_row(DType type, const float* x, std::byte* row, int64_t n) {
  switch (type) {
    case DType::kF32:
      std::memcpy(row, x, static_cast<size_t>(n) * sizeof(float));
      return;
    case DType::kF16:
      for (int64_t i = 0; i < n; ++i) reinterpret_cast<uint16_t*>(row)[i] = f32_to_f16(x[i]);
      return;
    case DType::kBF16:
      for (int64_t i = 0; i < n; ++i) reinterpret_cast<uint16_t*>(row)[i] = f32_to_bf16(x[i]);
      return;
    default:
      quantize_row(type, x, row, n);
  }
}

// The cache types are chosen by the state module, which refuses those that the head_dim does not allow.
GANNET_INLINE void check_kv_types(const KvView& kv) {
  for (const DType type : {kv.k_type, kv.v_type})
    GANNET_CHECK(type == DType::kF32 || type == DType::kF16 || type == DType::kBF16 ||
                     (type == DType::kQ8_0 && kv.head_dim % 32 == 0),
                 "KV cache type");
}

// Stores this run's K and V behind the n_past tokens of the cache: the member's share of the rows. Follow
// with a barrier. `store` is store_kv_row or something faster that writes the same bytes.
template <class Store>
GANNET_INLINE void append_kv(const KvView& kv, const TensorView& k, const TensorView& v, const Worker& worker,
                             Store store) {
  check_kv_types(kv);
  int64_t begin, end;
  worker.share(k.shape.dim[0] * kv.n_kv_heads, 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const int64_t t = r / kv.n_kv_heads, head = r % kv.n_kv_heads, position = kv.n_past + t;
    store(kv.k_type, k.f32(t, head), kv_row(kv, kv.k_offset, kv.k_type, head, position), kv.head_dim);
    store(kv.v_type, v.f32(t, head), kv_row(kv, kv.v_offset, kv.v_type, head, position), kv.head_dim);
  }
}

}  // namespace gannet
