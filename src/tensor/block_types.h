// The block types as one table, in the order of DType. Private to src/tensor. What else a type needs is code:
// its struct (blocks.h), decode() and encode() (block_codec.h), unpack() (groups.cpp), and, to be fast, a row
// in a kernel list of src/backend/cpu/linear/rows_*.cpp.
#pragma once

#include "tensor/blocks.h"
#include "tensor/dtype.h"

namespace gannet {

// X(name, GGUF's number, elements of a block, elements of a group, largest code of a group); about groups see
// groups.h.
#define GANNET_BLOCK_TYPES(X)       \
  X(Q4_0, 2, 32, 32, 15)            \
  X(Q4_1, 3, 32, 32, 15)            \
  X(Q5_0, 6, 32, 32, 31)            \
  X(Q5_1, 7, 32, 32, 31)            \
  X(Q8_0, 8, 32, 32, 255)           \
  X(Q2_K, 10, 256, 16, 3)           \
  X(Q3_K, 11, 256, 16, 7)           \
  X(Q4_K, 12, 256, 32, 15)          \
  X(Q5_K, 13, 256, 32, 31)          \
  X(Q6_K, 14, 256, 16, 63)          \
  X(IQ1_S, 19, 256, 32, 128 + 9)    \
  X(IQ1_M, 29, 256, 16, 128 + 9)    \
  X(IQ2_XXS, 16, 256, 32, 128 + 43) \
  X(IQ2_XS, 17, 256, 16, 128 + 43)  \
  X(IQ2_S, 22, 256, 16, 128 + 43)   \
  X(IQ3_XXS, 18, 256, 32, 128 + 62) \
  X(IQ3_S, 21, 256, 32, 128 + 15)   \
  X(IQ4_NL, 20, 32, 32, 128 + 113)  \
  X(IQ4_XS, 23, 256, 32, 128 + 113) \
  X(TQ1_0, 34, 256, 32, 2)          \
  X(TQ2_0, 35, 256, 32, 3)          \
  X(MXFP4, 39, 32, 32, 24)          \
  X(NVFP4, 40, 64, 16, 24)          \
  X(Q1_0, 41, 128, 32, 1)           \
  X(Q2_0, 42, 64, 32, 3)

}  // namespace gannet
