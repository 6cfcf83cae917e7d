#include "ops/matmul/matmul.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/weight_type.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"w"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType &x = site.operands[0], &w = site.operands[1];
  if (x.dtype != DType::kF32 || x.shape.rank != 2)
    return shape_error(kOp_matmul, fmt::format("x must be F32[n_tokens, n_in], not {}", to_text(x)));
  if (!is_weight_type(w.dtype) || w.shape.rank != 2)
    return shape_error(kOp_matmul,
                       fmt::format("w must be [n_out, n_in] of a weight type, not {}", to_text(w)));
  if (x.shape.dim[1] != w.shape.dim[1])
    return shape_error(kOp_matmul,
                       fmt::format("the rows of x {} and w {} differ in length", to_text(x), to_text(w)));
  if (!whole_blocks(w))
    return shape_error(kOp_matmul, fmt::format("the rows of w {} are not whole blocks", to_text(w)));
  return std::vector<TensorType>{{DType::kF32, Shape(x.shape.dim[0], w.shape.dim[0])}};
}

Cost cost(const OpSite& site) {
  const Shape &x = site.operands[0].shape, &w = site.operands[1].shape;
  return {.weight_bytes = type_bytes(site.operands[1]),
          .activation_bytes = 4 * x.dim[0] * (x.dim[1] + w.dim[0]),
          .flops = 2 * x.dim[0] * w.elements()};
}

}  // namespace

const OpDef kOp_matmul = {
    .name = "matmul",
    .summary = "y = x W^T: rows of x times the rows of a weight matrix of any stored type, F32 in and out.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .stays = true,
};

ValueId matmul(GraphBuilder& builder, ValueId x, ValueId w) {
  return builder.add1(kOp_matmul, {x, w});
}

}  // namespace gannet
