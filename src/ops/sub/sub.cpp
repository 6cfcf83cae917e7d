#include "ops/sub/sub.h"

#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"a"}, {"b"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  return broadcast_type(kOp_sub, site, HeadShare::kSame);
}

}  // namespace

const OpDef kOp_sub = {
    .name = "sub",
    .summary = "y = a - b; an axis of length 1 on one side is repeated.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 1); },
    .elementwise = true,
    .repeatable = true,
};

ValueId sub(GraphBuilder& builder, ValueId a, ValueId b) {
  return builder.add1(kOp_sub, {a, b});
}

}  // namespace gannet
