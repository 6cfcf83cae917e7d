#include "ops/expert_matmul/expert_matmul.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"
#include "ops/weight_type.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"w", false, Access::kDense}, {"ids"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_expert_matmul;
  const TensorType &x = site.operands[0], &w = site.operands[1], &ids = site.operands[2];
  GANNET_TRY(expect_f32(op, site, 0));
  if (x.shape.rank != 2 && x.shape.rank != 3)
    return shape_error(op,
                       fmt::format("x is {}, must be [n_tokens, n_in] or [n_tokens, k, n_in]", to_text(x)));
  if (ids.dtype != DType::kI32 || ids.shape.rank != 2 || ids.shape.dim[0] != x.shape.dim[0] ||
      (x.shape.rank == 3 && ids.shape.dim[1] != x.shape.dim[1]))
    return shape_error(
        op, fmt::format("ids {} must be I32[n_tokens, k] to go with x {}", to_text(ids), to_text(x)));
  if (!is_weight_type(w.dtype) || w.shape.rank != 3 || !whole_blocks(w))
    return shape_error(
        op, fmt::format("w {} must have rank 3, a weight type and rows of whole blocks", to_text(w)));
  if (w.shape.dim[2] != x.shape.last())
    return shape_error(op, fmt::format("x {} must have the row length of w {}", to_text(x), to_text(w)));
  return std::vector<TensorType>{{DType::kF32, Shape(ids.shape.dim[0], ids.shape.dim[1], w.shape.dim[1])}};
}

// Weight bytes: the experts that must be read if the choices are spread as evenly as they can be.
Cost cost(const OpSite& site) {
  const Shape& w = site.operands[1].shape;
  const int64_t pairs = site.operands[2].shape.elements();
  return {.weight_bytes = type_bytes(site.operands[1]) / w.dim[0] * (pairs < w.dim[0] ? pairs : w.dim[0]),
          .activation_bytes =
              type_bytes(site.operands[0]) + type_bytes(site.operands[2]) + type_bytes(site.results[0]),
          .flops = 2 * pairs * w.dim[1] * w.dim[2]};
}

}  // namespace

const OpDef kOp_expert_matmul = {
    .name = "expert_matmul",
    .summary =
        "Each token, or each choice of a token, multiplied with the weight matrix of the chosen expert.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .stays = true,
};

ValueId expert_matmul(GraphBuilder& builder, ValueId x, ValueId w, ValueId ids) {
  return builder.add1(kOp_expert_matmul, {x, w, ids});
}

}  // namespace gannet
