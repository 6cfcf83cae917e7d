// Inside of the codec: one overload set per direction, keyed by the block struct, that codec.cpp ties to the
// types. Private to src/tensor. decode() turns one block into its block_elems floats; encode() writes a whole
// row, because some encoders weigh a block by statistics of its row.
#pragma once

#include <cstdint>

#include "tensor/block_types.h"

namespace gannet::block_codec {

// Elements of a block.
template <class Block>
inline constexpr int kElems = 0;
#define GANNET_ELEMS(name, id, elems, group, max_code) \
  template <>                                          \
  inline constexpr int kElems<Block##name> = elems;
GANNET_BLOCK_TYPES(GANNET_ELEMS)
#undef GANNET_ELEMS

// Calls f.operator()<BlockX>() with the block struct of `type`; false, and no call, if it is not a block
// type.
template <class F>
bool with_block(DType type, F&& f) {
  switch (type) {
#define GANNET_CASE(name, id, elems, group, max_code) \
  case DType::k##name:                                \
    f.template operator()<Block##name>();             \
    return true;
    GANNET_BLOCK_TYPES(GANNET_CASE)
#undef GANNET_CASE
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
