#include "ops/reduce_sum/reduce_sum.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr AttrDef kAttrs[] = {{"axis", AttrKind::kInt, offsetof(ReduceSumAttrs, axis)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const int64_t axis = site.as<ReduceSumAttrs>().axis;
  GANNET_TRY(expect_f32(kOp_reduce_sum, site, 0));
  TensorType y = site.operands[0];
  if (axis < 0 || axis >= y.shape.rank)
    return shape_error(kOp_reduce_sum, fmt::format("{} has no axis {}", to_text(y), axis));
  y.shape.dim[axis] = 1;
  return std::vector<TensorType>{y};
}

Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 0);
  cost.flops = site.operands[0].shape.elements();
  return cost;
}

}  // namespace

const OpDef kOp_reduce_sum = {
    .name = "reduce_sum",
    .summary = "The sum over one axis, which becomes 1.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = cost,
};

ValueId reduce_sum(GraphBuilder& builder, ValueId x, int64_t axis) {
  return builder.add1(kOp_reduce_sum, {x}, ReduceSumAttrs{axis});
}

}  // namespace gannet
