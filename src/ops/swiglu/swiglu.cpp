#include "ops/swiglu/swiglu.h"

#include "ir/graph.h"
#include "ops/binary/binary.h"
#include "ops/rules.h"
#include "ops/unary/unary.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"gate"}, {"up"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_f32(kOp_swiglu, site, 0));
  GANNET_TRY(expect_type(kOp_swiglu, site, 1, site.operands[0], "like gate"));
  return std::vector<TensorType>{site.operands[0]};
}

std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite&, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  return {mul(builder, silu(builder, operands[0]), operands[1])};
}

std::vector<OpSample> samples(const TensorType& result) {
  return {{{result, result}, {}}};
}

}  // namespace

const OpDef kOp_swiglu = {
    .name = "swiglu",
    .summary = "y = silu(gate) * up.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 21); },
    .decompose = decompose,
    .elementwise = true,
    .repeatable = true,
    .samples = samples,
    .structural_axes = 0,
};

ValueId swiglu(GraphBuilder& builder, ValueId gate, ValueId up) {
  return builder.add1(kOp_swiglu, {gate, up});
}

}  // namespace gannet
