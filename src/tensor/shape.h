// Shapes and strided views. Dimensions are written slowest axis first: a linear weight is [n_out, n_in],
// activations are [n_tokens, n_embd]. GGUF's reversed order exists only inside src/gguf.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/half.h"

namespace gannet {

inline constexpr int kMaxRank = 4;

struct Shape {
  int32_t rank = 0;
  int64_t dim[kMaxRank] = {1, 1, 1, 1};  // dim[0 .. rank-1] are meaningful

  constexpr Shape() = default;
  template <class... D>
  constexpr explicit Shape(int64_t first, D... rest)
      : rank(1 + static_cast<int32_t>(sizeof...(rest))), dim{first, static_cast<int64_t>(rest)...} {
    for (int i = rank; i < kMaxRank; ++i) dim[i] = 1;
  }

  GANNET_INLINE int64_t elements() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= dim[i];
    return n;
  }
  GANNET_INLINE int64_t last() const { return rank == 0 ? 1 : dim[rank - 1]; }
  // Product of all axes but the last.
  GANNET_INLINE int64_t rows() const {
    int64_t n = 1;
    for (int i = 0; i + 1 < rank; ++i) n *= dim[i];
    return n;
  }
  constexpr bool operator==(const Shape& other) const {
    if (rank != other.rank) return false;
    for (int i = 0; i < rank; ++i)
      if (dim[i] != other.dim[i]) return false;
    return true;
  }
};

// Memory with a shape. Does not own. Every axis has a byte stride, so slices, reshapes and permutations are
// free; most ops take operands only whose last axis is contiguous (see Access in ir/op_def.h). Block types
// are contiguous throughout.
struct TensorView {
  std::byte* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape;
  int64_t stride[kMaxRank] = {0, 0, 0, 0};  // bytes per step of each axis

  template <class T>
  GANNET_INLINE T* as() const {
    return reinterpret_cast<T*>(data);
  }
  // Pointer to the row (i), (i, j) or (i, j, k) of the leading axes.
  GANNET_INLINE float* f32(int64_t i) const { return reinterpret_cast<float*>(data + i * stride[0]); }
  GANNET_INLINE float* f32(int64_t i, int64_t j) const {
    return reinterpret_cast<float*>(data + i * stride[0] + j * stride[1]);
  }
  GANNET_INLINE float* f32(int64_t i, int64_t j, int64_t k) const {
    return reinterpret_cast<float*>(data + i * stride[0] + j * stride[1] + k * stride[2]);
  }
  // Row r when the leading axes are counted through (r < shape.rows()).
  GANNET_INLINE std::byte* flat_row(int64_t r) const {
    std::byte* at = data;
    for (int axis = shape.rank - 2; axis >= 0; --axis) {
      at += r % shape.dim[axis] * stride[axis];
      r /= shape.dim[axis];
    }
    return at;
  }
};

// A view with contiguous strides.
TensorView contiguous_view(void* data, DType dtype, const Shape& shape);

// Bytes of a contiguous tensor.
int64_t tensor_bytes(DType dtype, const Shape& shape);

// True when the view's memory is one dense piece in axis order.
bool is_contiguous(const TensorView& view);

}  // namespace gannet
