#include "ops/cumsum/cumsum.h"

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_f32(kOp_cumsum, site, 0));
  return std::vector<TensorType>{site.operands[0]};
}

}  // namespace

const OpDef kOp_cumsum = {
    .name = "cumsum",
    .summary = "Running sums along the last axis.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 1); },
    .repeatable = true,
    .stays = true,
};

ValueId cumsum(GraphBuilder& builder, ValueId x) {
  return builder.add1(kOp_cumsum, {x});
}

}  // namespace gannet
