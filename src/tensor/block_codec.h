// Inside of the codec: one overload set per direction, keyed by the block struct, that codec.cpp ties to the
// types. Private to src/tensor. decode() turns one block into its block_elems floats; encode() writes a whole
// row, because some encoders weigh a block by statistics of its row.
#pragma once

#include <cstdint>

#include "tensor/blocks.h"
#include "tensor/dtype.h"

namespace gannet::block_codec {

// Elements of a block.
template <class Block>
inline constexpr int kElems = 256;
template <>
inline constexpr int kElems<BlockQ4_0> = 32;
template <>
inline constexpr int kElems<BlockQ4_1> = 32;
template <>
inline constexpr int kElems<BlockQ5_0> = 32;
template <>
inline constexpr int kElems<BlockQ5_1> = 32;
template <>
inline constexpr int kElems<BlockQ8_0> = 32;
template <>
inline constexpr int kElems<BlockIQ4_NL> = 32;
template <>
inline constexpr int kElems<BlockMXFP4> = 32;
template <>
inline constexpr int kElems<BlockNVFP4> = 64;
template <>
inline constexpr int kElems<BlockQ1_0> = 128;
template <>
inline constexpr int kElems<BlockQ2_0> = 64;

// Calls f.operator()<BlockX>() with the block struct of `type`; false, and no call, if it is not a block
// type.
template <class F>
bool with_block(DType type, F&& f) {
  switch (type) {
    case DType::kQ4_0:
      f.template operator()<BlockQ4_0>();
      return true;
    case DType::kQ4_1:
      f.template operator()<BlockQ4_1>();
      return true;
    case DType::kQ5_0:
      f.template operator()<BlockQ5_0>();
      return true;
    case DType::kQ5_1:
      f.template operator()<BlockQ5_1>();
      return true;
    case DType::kQ8_0:
      f.template operator()<BlockQ8_0>();
      return true;
    case DType::kQ2_K:
      f.template operator()<BlockQ2_K>();
      return true;
    case DType::kQ3_K:
      f.template operator()<BlockQ3_K>();
      return true;
    case DType::kQ4_K:
      f.template operator()<BlockQ4_K>();
      return true;
    case DType::kQ5_K:
      f.template operator()<BlockQ5_K>();
      return true;
    case DType::kQ6_K:
      f.template operator()<BlockQ6_K>();
      return true;
    case DType::kIQ1_S:
      f.template operator()<BlockIQ1_S>();
      return true;
    case DType::kIQ1_M:
      f.template operator()<BlockIQ1_M>();
      return true;
    case DType::kIQ2_XXS:
      f.template operator()<BlockIQ2_XXS>();
      return true;
    case DType::kIQ2_XS:
      f.template operator()<BlockIQ2_XS>();
      return true;
    case DType::kIQ2_S:
      f.template operator()<BlockIQ2_S>();
      return true;
    case DType::kIQ3_XXS:
      f.template operator()<BlockIQ3_XXS>();
      return true;
    case DType::kIQ3_S:
      f.template operator()<BlockIQ3_S>();
      return true;
    case DType::kIQ4_NL:
      f.template operator()<BlockIQ4_NL>();
      return true;
    case DType::kIQ4_XS:
      f.template operator()<BlockIQ4_XS>();
      return true;
    case DType::kTQ1_0:
      f.template operator()<BlockTQ1_0>();
      return true;
    case DType::kTQ2_0:
      f.template operator()<BlockTQ2_0>();
      return true;
    case DType::kMXFP4:
      f.template operator()<BlockMXFP4>();
      return true;
    case DType::kNVFP4:
      f.template operator()<BlockNVFP4>();
      return true;
    case DType::kQ1_0:
      f.template operator()<BlockQ1_0>();
      return true;
    case DType::kQ2_0:
      f.template operator()<BlockQ2_0>();
      return true;
    default:
      return false;
  }
}

// blocks_legacy.cpp
void decode(const BlockQ4_0& block, float* out);
void decode(const BlockQ4_1& block, float* out);
void decode(const BlockQ5_0& block, float* out);
void decode(const BlockQ5_1& block, float* out);
void decode(const BlockQ8_0& block, float* out);
// blocks_k.cpp
void decode(const BlockQ2_K& block, float* out);
void decode(const BlockQ3_K& block, float* out);
void decode(const BlockQ4_K& block, float* out);
void decode(const BlockQ5_K& block, float* out);
void decode(const BlockQ6_K& block, float* out);
// blocks_iq.cpp
void decode(const BlockIQ1_S& block, float* out);
void decode(const BlockIQ1_M& block, float* out);
void decode(const BlockIQ2_XXS& block, float* out);
void decode(const BlockIQ2_XS& block, float* out);
void decode(const BlockIQ2_S& block, float* out);
void decode(const BlockIQ3_XXS& block, float* out);
void decode(const BlockIQ3_S& block, float* out);
// blocks_fp4.cpp
void decode(const BlockIQ4_NL& block, float* out);
void decode(const BlockIQ4_XS& block, float* out);
void decode(const BlockMXFP4& block, float* out);
void decode(const BlockNVFP4& block, float* out);
// blocks_ternary.cpp
void decode(const BlockTQ1_0& block, float* out);
void decode(const BlockTQ2_0& block, float* out);
void decode(const BlockQ1_0& block, float* out);
void decode(const BlockQ2_0& block, float* out);

// Encoders: n finite values into n / block_elems blocks; `importance` is null or n weights. The types that
// ignore importance take no such argument.

// encode_simple.cpp
void encode(const float* values, int64_t n, BlockQ8_0* row);
void encode(const float* values, int64_t n, BlockTQ1_0* row);
void encode(const float* values, int64_t n, BlockTQ2_0* row);
void encode(const float* values, int64_t n, BlockQ1_0* row);
void encode(const float* values, int64_t n, BlockQ2_0* row);
void encode(const float* values, int64_t n, BlockMXFP4* row);
void encode(const float* values, int64_t n, BlockNVFP4* row);
// encode_legacy.cpp
void encode(const float* values, int64_t n, BlockQ4_0* row, const float* importance);
void encode(const float* values, int64_t n, BlockQ4_1* row, const float* importance);
void encode(const float* values, int64_t n, BlockQ5_0* row, const float* importance);
void encode(const float* values, int64_t n, BlockQ5_1* row, const float* importance);
// encode_k.cpp
void encode(const float* values, int64_t n, BlockQ2_K* row, const float* importance);
void encode(const float* values, int64_t n, BlockQ3_K* row, const float* importance);
void encode(const float* values, int64_t n, BlockQ4_K* row, const float* importance);
void encode(const float* values, int64_t n, BlockQ5_K* row, const float* importance);
void encode(const float* values, int64_t n, BlockQ6_K* row, const float* importance);
// encode_iq4.cpp
void encode(const float* values, int64_t n, BlockIQ4_NL* row, const float* importance);
void encode(const float* values, int64_t n, BlockIQ4_XS* row, const float* importance);

}  // namespace gannet::block_codec
