#include "ops/add/add.h"

#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"a"}, {"b"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_f32(kOp_add, site, 0));
  GANNET_TRY(expect_type(kOp_add, site, 1, site.operands[0], "like a"));
  return std::vector<TensorType>{site.operands[0]};
}

}  // namespace

const OpDef kOp_add = {
    .name = "add",
    .summary = "y = a + b, same shapes.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 1); },
};

ValueId add(GraphBuilder& builder, ValueId a, ValueId b) {
  return builder.add1(kOp_add, {a, b});
}

}  // namespace gannet
