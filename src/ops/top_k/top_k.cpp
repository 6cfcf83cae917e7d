#include "ops/top_k/top_k.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr AttrDef kAttrs[] = {{"k", AttrKind::kInt, offsetof(TopKAttrs, k)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const Shape& x = site.operands[0].shape;
  const int64_t k = site.as<TopKAttrs>().k;
  GANNET_TRY(expect_f32(kOp_top_k, site, 0));
  GANNET_TRY(expect_rank(kOp_top_k, site, 0, 2, "[n_rows, n_columns]"));
  if (k < 1 || k > x.dim[1])
    return shape_error(kOp_top_k, fmt::format("k = {} is not in 1 .. {}, the columns of x", k, x.dim[1]));
  return std::vector<TensorType>{{DType::kI32, Shape(x.dim[0], k)}};
}

Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 0);
  cost.flops = site.operands[0].shape.elements();
  return cost;
}

}  // namespace

const OpDef kOp_top_k = {
    .name = "top_k",
    .summary = "The columns of the k largest values of each row, falling, ties to the lower column.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .repeatable = true,
    .stays = true,
};

ValueId top_k(GraphBuilder& builder, ValueId x, int64_t k) {
  return builder.add1(kOp_top_k, {x}, TopKAttrs{k});
}

}  // namespace gannet
