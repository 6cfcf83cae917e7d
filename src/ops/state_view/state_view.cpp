#include "ops/state_view/state_view.h"

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"state"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_recurrent(kOp_state_view, site, 0));
  return std::vector<TensorType>{{DType::kF32, site.operands[0].shape}};
}

// The executor hands over the state's memory, not its RecurrentView.
TensorView view(const OpSite& site, const TensorView& state) {
  return contiguous_view(state.data, DType::kF32, site.operands[0].shape);
}
}  // namespace

const OpDef kOp_state_view = {
    .name = "state_view",
    .summary = "A recurrent state as it was before this run, in its own memory; a view.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite&) { return Cost{}; },
    .view = view,
};

ValueId state_view(GraphBuilder& builder, ValueId state) {
  return builder.add1(kOp_state_view, {state});
}

}  // namespace gannet
