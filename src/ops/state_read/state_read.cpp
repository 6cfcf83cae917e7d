#include "ops/state_read/state_read.h"

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"state"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_recurrent(kOp_state_read, site, 0));
  return std::vector<TensorType>{{DType::kF32, site.operands[0].shape}};
}

Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 0);
  cost.state_bytes = site.operands[0].shape.elements() * int64_t{sizeof(float)};
  return cost;
}

}  // namespace

const OpDef kOp_state_read = {
    .name = "state_read",
    .summary = "A recurrent state as it was before this run, copied.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = cost,
};

ValueId state_read(GraphBuilder& builder, ValueId state) {
  return builder.add1(kOp_state_read, {state});
}

}  // namespace gannet
