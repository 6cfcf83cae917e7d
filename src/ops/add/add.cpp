#include "ops/add/add.h"

#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"a"}, {"b"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  return broadcast_type(kOp_add, site, HeadShare::kSame);
}

}  // namespace

const OpDef kOp_add = {
    .name = "add",
    .summary = "y = a + b; an axis of length 1 on one side is repeated.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 1); },
    .elementwise = true,
    .repeatable = true,
};

ValueId add(GraphBuilder& builder, ValueId a, ValueId b) {
  return builder.add1(kOp_add, {a, b});
}

}  // namespace gannet
