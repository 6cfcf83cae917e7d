// Shaders that there are once for every weight type: the type's name stands behind that of the shader.
#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>

#include "backend/api/recorder.h"
#include "tensor/planes.h"

// Types whose weights tiles of dots and of halves are made for
// (backend/vulkan/product_tiles.glsl).
#define GANNET_DOT_TYPES(X, prefix) \
  X(Q4_0, prefix)                   \
  X(Q4_1, prefix)                   \
  X(Q5_0, prefix)                   \
  X(Q5_1, prefix)                   \
  X(Q8_0, prefix)                   \
  X(Q3_K, prefix)                   \
  X(Q4_K, prefix)                   \
  X(Q5_K, prefix)                   \
  X(Q6_K, prefix)
#define GANNET_HALF_TYPES(X, prefix) \
  GANNET_DOT_TYPES(X, prefix)        \
  X(Q2_K, prefix)                    \
  X(IQ4_NL, prefix)                  \
  X(IQ4_XS, prefix)                  \
  X(MXFP4, prefix)                   \
  X(NVFP4, prefix)

// And those whose weights are made halves of.
#define GANNET_BLOCK_TYPES(X, prefix) \
  GANNET_HALF_TYPES(X, prefix)        \
  X(IQ1_S, prefix)                    \
  X(IQ1_M, prefix)                    \
  X(IQ2_XXS, prefix)                  \
  X(IQ2_XS, prefix)                   \
  X(IQ2_S, prefix)                    \
  X(IQ3_XXS, prefix)                  \
  X(IQ3_S, prefix)                    \
  X(TQ1_0, prefix)                    \
  X(TQ2_0, prefix)                    \
  X(Q1_0, prefix)                     \
  X(Q2_0, prefix)

// All types that weights may have; `weight_types` of CMakeLists.txt.
#define GANNET_WEIGHT_TYPES(X, prefix) \
  X(F32, prefix)                       \
  X(F16, prefix)                       \
  X(BF16, prefix)                      \
  GANNET_BLOCK_TYPES(X, prefix)

namespace gannet {

// How rows that need not be exact are multiplied: as floats, with operands of 16 bits, with matrices of such,
// which only linear and matmul have, or rounded to 8 bits.
enum class Tiles : uint8_t { kFloats, kHalves, kMatrices, kDots };

// Why shaders of products cannot count a tensor's elements, or its blocks, in 32 bits; null: they can.
inline const char* too_many(const TensorType& type) {
  const int64_t block = dtype_info(type.dtype).block_elems;
  return type.shape.elements() / block >= (int64_t{1} << 31) ? "more elements than 31 bits count" : nullptr;
}

// Constants of a pipeline of theirs: the kernel's own, and behind them what backend/vulkan/weights.glsl has.
inline std::array<uint32_t, kMostConstants> weight_constants(std::initializer_list<uint32_t> own, bool wide) {
  std::array<uint32_t, kMostConstants> all{};
  std::copy(own.begin(), own.end(), all.begin());
  all[kMostConstants - 1] = wide;
  return all;
}

// Runs of numbers that shaders of products read at a time (backend/vulkan/weights_plain.glsl).
constexpr int64_t kRun = 8;

// Whether shaders may read four words of the weights at once: where rows are in planes, for types whose
// blocks are whole fours of words, and for numbers where rows are whole runs.
inline bool wide_weights(const TensorView& w, const Recorder& recorder) {
  if (!plane_fields(w.dtype).empty())
    return recorder.weights_in_planes() && in_planes(w.dtype, w.shape.last());
  return reinterpret_cast<uintptr_t>(w.data) % 16 == 0 &&
         (dtype_info(w.dtype).quantized || w.shape.last() % kRun == 0);
}

}  // namespace gannet

#define GANNET_WEIGHT_SHADER_CASE(name, prefix) \
  case ::gannet::DType::k##name:                \
    return prefix #name;

// Defines `const char* function(DType type)`: the name of the shader `prefix` for that type, a literal; null:
// there is none for it.
#define GANNET_SHADERS_OF(TYPES, function, prefix) \
  const char* function(::gannet::DType type) {     \
    switch (type) {                                \
      TYPES(GANNET_WEIGHT_SHADER_CASE, prefix)     \
      default:                                     \
        return nullptr;                            \
    }                                              \
  }
#define GANNET_WEIGHT_SHADERS(function, prefix) GANNET_SHADERS_OF(GANNET_WEIGHT_TYPES, function, prefix)
