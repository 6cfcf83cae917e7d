// A tensor in a buffer of a device: what TensorView is to the host.
#pragma once

#include <algorithm>

#include "backend/api/place.h"
#include "tensor/shape.h"

namespace gannet {

struct PlacedTensor {
  Place place;  // of the first element; buffer kNone: there is no such tensor
  DType dtype = DType::kF32;
  Shape shape;
  int64_t stride[kMaxRank] = {0, 0, 0, 0};  // bytes per step of each axis
};

// The layout of `view` at another place, and the other way round.
inline PlacedTensor placed_at(Place place, const TensorView& view) {
  PlacedTensor tensor{place, view.dtype, view.shape, {}};
  std::copy(view.stride, view.stride + kMaxRank, tensor.stride);
  return tensor;
}
inline TensorView view_at(std::byte* data, const PlacedTensor& tensor) {
  TensorView view{data, tensor.dtype, tensor.shape, {}};
  std::copy(tensor.stride, tensor.stride + kMaxRank, view.stride);
  return view;
}

// Bytes from the first element to the end of the last one.
inline int64_t extent_bytes(const TensorView& view) {
  if (view.shape.elements() == 0) return 0;
  int64_t bytes = view.shape.rank == 0 ? 0 : row_bytes(view.dtype, view.shape.last());
  if (view.shape.rank > 0 && view.stride[view.shape.rank - 1] != dtype_info(view.dtype).block_bytes)
    bytes = (view.shape.last() - 1) * view.stride[view.shape.rank - 1] + dtype_info(view.dtype).block_bytes;
  for (int axis = 0; axis + 1 < view.shape.rank; ++axis)
    bytes += (view.shape.dim[axis] - 1) * view.stride[axis];
  return bytes;
}

}  // namespace gannet
