// One use of an operation: the types of its operands and results, and its attributes. Light: kernels and the
// headers of ops need no more; what an operation is stands in op_def.h.
#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace gannet {

struct OpDef;
class GraphBuilder;
using ValueId = int32_t;
inline constexpr ValueId kNoValue = -1;  // an optional operand that is not given

// Type of a value in a graph. For state values: kKvCache has shape [n_kv_heads, head_dim]; kRecurrent has the
// shape of the state of one sequence.
struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;
  bool operator==(const TensorType& other) const { return dtype == other.dtype && shape == other.shape; }
};

// One use of an op: types and attributes, no memory. Kernels and shape rules decide from this. An operand
// that is not given has rank 0.
struct OpSite {
  const TensorType* operands;
  int n_operands;
  const TensorType* results;  // null while the shape rule runs
  int n_results;
  const void* attrs;

  template <class A>
  const A& as() const {
    return *static_cast<const A*>(attrs);
  }
};

}  // namespace gannet
