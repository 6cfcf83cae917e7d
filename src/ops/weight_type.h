// Which types a weight operand may have; shared by the shape rules of the ops that read weights.
#pragma once

#include "ir/op_site.h"

namespace gannet {

inline bool is_weight_type(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16 || dtype_info(type).quantized;
}

// True when each row of the tensor is a whole number of blocks.
inline bool whole_blocks(const TensorType& type) {
  return type.shape.last() > 0 && type.shape.last() % dtype_info(type.dtype).block_elems == 0;
}

}  // namespace gannet
