#include "tensor/shape.h"

namespace gannet {

int64_t tensor_bytes(DType dtype, const Shape& shape) {
  return shape.rows() * row_bytes(dtype, shape.last());
}

TensorView contiguous_view(void* data, DType dtype, const Shape& shape) {
  TensorView view;
  view.data = static_cast<std::byte*>(data);
  view.dtype = dtype;
  view.shape = shape;
  int64_t step = row_bytes(dtype, shape.last());
  for (int axis = shape.rank - 2; axis >= 0; --axis) {
    view.stride[axis] = step;
    step *= shape.dim[axis];
  }
  if (shape.rank > 0) view.stride[shape.rank - 1] = dtype_info(dtype).block_bytes;
  return view;
}

bool is_contiguous(const TensorView& view) {
  const TensorView dense = contiguous_view(nullptr, view.dtype, view.shape);
  for (int axis = 0; axis < view.shape.rank; ++axis)
    if (view.shape.dim[axis] > 1 && view.stride[axis] != dense.stride[axis]) return false;
  return true;
}

}  // namespace gannet
