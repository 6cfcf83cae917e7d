// Element types and quantised block types, with the numbers that the GGUF container gives them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gannet {

enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kF64,
  kI8,
  kI16,
  kI32,
  kI64,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ1_S,
  kIQ1_M,
  kIQ2_XXS,
  kIQ2_XS,
  kIQ2_S,
  kIQ3_XXS,
  kIQ3_S,
  kIQ4_NL,
  kIQ4_XS,
  kTQ1_0,
  kTQ2_0,
  kMXFP4,
  kNVFP4,
  kQ1_0,
  kQ2_0,
  kAct8,       // activations rounded to 8 bits (tensor/act8.h); rows of whole 256
  kKvCache,    // opaque: a KvView (backend/api/state_view.h)
  kRecurrent,  // opaque: a RecurrentView
};
inline constexpr int kDTypeCount = static_cast<int>(DType::kRecurrent) + 1;

struct DTypeInfo {
  std::string_view name;  // as users and the text forms spell it: "F32", "Q4_K"
  int32_t gguf_id;        // -1: never stored in a file
  int32_t block_elems;    // consecutive row elements that share one block
  int32_t block_bytes;
  bool quantized;
};

// Facts of a type; every DType has a row.
const DTypeInfo& dtype_info(DType type);

// Bytes of a row of `n` elements; n must be a multiple of block_elems.
inline int64_t row_bytes(DType type, int64_t n) {
  const DTypeInfo& info = dtype_info(type);
  return n / info.block_elems * info.block_bytes;
}

std::optional<DType> dtype_from_gguf(uint32_t id);

// Case-insensitive; empty when there is no such name.
std::optional<DType> dtype_from_name(std::string_view name);

}  // namespace gannet
