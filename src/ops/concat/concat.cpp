#include "ops/concat/concat.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x", false, Access::kRows, true}};
constexpr AttrDef kAttrs[] = {{"axis", AttrKind::kInt, offsetof(ConcatAttrs, axis)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const int64_t axis = site.as<ConcatAttrs>().axis;
  TensorType y = site.operands[0];
  if (axis < 0 || axis >= y.shape.rank)
    return shape_error(kOp_concat, fmt::format("{} has no axis {}", to_text(y), axis));
  int64_t length = 0;
  for (int i = 0; i < site.n_operands; ++i) {
    const TensorType& x = site.operands[i];
    if (x.dtype != DType::kF32)
      return shape_error(kOp_concat, fmt::format("operand {} is {}, must be F32", i, to_text(x)));
    length += x.shape.dim[axis];
    y.shape.dim[axis] = x.shape.dim[axis];
    if (!(y == x))
      return shape_error(kOp_concat, fmt::format("operand {} is {}, must be like {} but on axis {}", i,
                                                 to_text(x), to_text(site.operands[0]), axis));
  }
  y.shape.dim[axis] = length;
  return std::vector<TensorType>{y};
}

}  // namespace

const OpDef kOp_concat = {
    .name = "concat",
    .summary = "Operands one behind the other along an axis.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 0); },
};

ValueId concat(GraphBuilder& builder, std::span<const ValueId> operands, int64_t axis) {
  const ConcatAttrs attrs{axis};
  return builder.add(kOp_concat, operands, &attrs, sizeof(attrs))[0];
}

ValueId concat(GraphBuilder& builder, std::initializer_list<ValueId> operands, int64_t axis) {
  return concat(builder, std::span(operands.begin(), operands.size()), axis);
}

}  // namespace gannet
