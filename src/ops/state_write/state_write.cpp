#include "ops/state_write/state_write.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"state"}, {"x", false, Access::kDense}};
constexpr const char* kPlaces[] = {"copy", "direct"};
constexpr AttrDef kAttrs[] = {{"place", AttrKind::kEnum, offsetof(StateWriteAttrs, place), kPlaces}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_recurrent(kOp_state_write, site, 0));
  GANNET_TRY(expect_f32(kOp_state_write, site, 1));
  const TensorType &state = site.operands[0], &x = site.operands[1];
  if (state.shape.elements() != x.shape.elements())
    return shape_error(kOp_state_write, fmt::format("x is {}, must have as many elements as the state {}",
                                                    to_text(x), to_text(state)));
  return std::vector<TensorType>{};
}

Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 0);
  cost.state_bytes = site.operands[0].shape.elements() * int64_t{sizeof(float)};
  return cost;
}

int placed_operand(const OpSite& site) {
  return site.as<StateWriteAttrs>().place == StatePlace::kDirect ? 1 : -1;
}

}  // namespace

const OpDef kOp_state_write = {
    .name = "state_write",
    .summary = "Makes x the state that this run leaves behind.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 0,
    .infer = infer,
    .cost = cost,
    .writes_state = true,
    .placed_operand = placed_operand,
};

void state_write(GraphBuilder& builder, ValueId state, ValueId x, StatePlace place) {
  const ValueId operands[] = {state, x};
  const StateWriteAttrs attrs{place};
  builder.add(kOp_state_write, operands, &attrs, sizeof(attrs));
}

}  // namespace gannet
