#include "ops/mul/mul.h"

#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"a"}, {"b"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType &a = site.operands[0], &b = site.operands[1];
  GANNET_TRY(expect_f32(kOp_mul, site, 0));
  TensorType column = a;
  column.shape.dim[a.shape.rank - 1] = 1;
  if (!(b == column)) GANNET_TRY(expect_type(kOp_mul, site, 1, a, "like a (or with last axis 1)"));
  return std::vector<TensorType>{a};
}

}  // namespace

const OpDef kOp_mul = {
    .name = "mul",
    .summary = "y = a * b. b has a's shape, or its last axis is 1 and is broadcast.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 1); },
};

ValueId mul(GraphBuilder& builder, ValueId a, ValueId b) {
  return builder.add1(kOp_mul, {a, b});
}

}  // namespace gannet
