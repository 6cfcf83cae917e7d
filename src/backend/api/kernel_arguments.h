// Arguments that recorded kernels of many ops have: the host's side of backend/vulkan/kit.glsl.
#pragma once

#include "backend/api/recorder.h"
#include "tensor/shape.h"

namespace gannet {

// Invocations of a group unless a kernel says otherwise.
inline constexpr uint32_t kGroup = 64;

// Invocations for a row of n elements that a group goes through by itself.
inline uint32_t group_of_row(int64_t n) {
  return n < 1024 ? kGroup : 4 * kGroup;
}

// A tensor of 4-byte elements (`Tensor` there).
inline DispatchArguments& add_tensor(DispatchArguments& arguments, const TensorView& t) {
  int64_t dim[3] = {1, 1, 1}, stride[3] = {0, 0, 0};
  for (int axis = 0; axis + 1 < t.shape.rank; ++axis) {
    dim[4 - t.shape.rank + axis] = t.shape.dim[axis];
    stride[4 - t.shape.rank + axis] = t.stride[axis] / 4;
  }
  return arguments.address(t.data).u32(dim[1]).u32(dim[2]).u32(stride[0]).u32(stride[1]).u32(stride[2]).u32(
      t.shape.rank == 0 ? 0 : t.stride[t.shape.rank - 1] / 4);
}

// n groups, over two axes when one does not hold them (group_index() there); a shader then sees up to 65535
// more.
inline std::array<int64_t, 3> groups_of(int64_t n) {
  constexpr int64_t kAlong = 65535;
  if (n <= kAlong) return {n, 1, 1};
  return {kAlong, (n + kAlong - 1) / kAlong, 1};
}

// Why a tensor is not addressed in 32 bits of elements; null: it is.
inline const char* too_large(const TensorType& type) {
  return type.shape.elements() >= (int64_t{1} << 31) ? "more elements than 31 bits count" : nullptr;
}

}  // namespace gannet
