// Rows of the KV cache: where they lie and how a new one is stored. Shared by all kernels, so that
// what they leave in the cache is the same to the bit.
#pragma once

#include <cstring>

#include "backend/api/state_view.h"
#include "base/check.h"
#include "base/worker.h"
#include "tensor/codec.h"
#include "tensor/kv_formats.h"
#include "tensor/shape.h"

namespace gannet {

// f(type constant) for the type of a cache.
template <DType kType>
struct TypeTag {
  static constexpr DType kValue = kType;
};
template <class F>
GANNET_INLINE auto with_kv_type(DType type, F f) {
  switch (type) {
#define GANNET_KV_CASE(kType, name, unit, bytes) \
  case DType::kType:                             \
    return f(TypeTag<DType::kType>{});
    GANNET_KV_FORMATS(GANNET_KV_CASE)
#undef GANNET_KV_CASE
    default:
      check_failed(__FILE__, __LINE__, "type", "no KV cache type");
  }
}

// Bytes of a row of `n` elements.
GANNET_INLINE int64_t kv_row_bytes(DType type, int64_t n) {
  return with_kv_type(type, [&](auto tag) { return find_kv_format(decltype(tag)::kValue)->row_bytes(n); });
}

// Where a row of K (part_offset, type of K) or V lies.
GANNET_INLINE std::byte* kv_row(const KvView& kv, const StepSegment& segment, int64_t part_offset, DType type,
                                int64_t head, int64_t position) {
  const int64_t page = position / kv.page_tokens, slot = position % kv.page_tokens;
  return segment.pages[page] + part_offset + (head * kv.page_tokens + slot) * kv_row_bytes(type, kv.head_dim);
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
  for (const DType type : {kv.k_type, kv.v_type}) {
    const KvFormat* format = find_kv_format(type);
    GANNET_CHECK(format != nullptr && format->takes(kv.head_dim), "KV cache type");
  }
}

// Stores K and V of the rows in segments at their positions: the member's share of the rows. Follow with a
// barrier. `store` is store_kv_row or something faster that writes the same bytes.
template <class Store>
GANNET_INLINE void append_kv(const KvView& kv, const TensorView& k, const TensorView& v, const Worker& worker,
                             Store store) {
  check_kv_types(kv);
  int64_t begin, end;
  worker.share(kv.step->n_rows() * kv.n_kv_heads, 1, begin, end);
  SegmentWalk walk(*kv.step);
  for (int64_t r = begin; r < end; ++r) {
    const int64_t row = r / kv.n_kv_heads, head = r % kv.n_kv_heads;
    const StepSegment& segment = walk.of(row);
    const int64_t position = segment.n_past + row - segment.first_row;
    store(kv.k_type, k.f32(row, head), kv_row(kv, segment, kv.k_offset, kv.k_type, head, position),
          kv.head_dim);
    store(kv.v_type, v.f32(row, head), kv_row(kv, segment, kv.v_offset, kv.v_type, head, position),
          kv.head_dim);
  }
}

}  // namespace gannet
