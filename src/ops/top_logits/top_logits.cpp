#include "ops/top_logits/top_logits.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr AttrDef kAttrs[] = {{"k", AttrKind::kInt, offsetof(TopLogitsAttrs, k)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const int64_t k = site.as<TopLogitsAttrs>().k;
  GANNET_TRY(expect_f32(kOp_top_logits, site, 0));
  GANNET_TRY(expect_rank(kOp_top_logits, site, 0, 2, "[n_rows, n_columns]"));
  if (k < 1) return shape_error(kOp_top_logits, fmt::format("k = {} is not at least 1", k));
  return std::vector<TensorType>{{DType::kI32, Shape(site.operands[0].shape.dim[0], 2 * k)}};
}

Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 0);
  cost.flops = site.operands[0].shape.elements();
  return cost;
}

}  // namespace

const OpDef kOp_top_logits = {
    .name = "top_logits",
    .summary = "The bits and columns of the k largest values of each row, falling, ties to the lower column.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = cost,
};

ValueId top_logits(GraphBuilder& builder, ValueId x, int64_t k) {
  return builder.add1(kOp_top_logits, {x}, TopLogitsAttrs{k});
}

}  // namespace gannet
