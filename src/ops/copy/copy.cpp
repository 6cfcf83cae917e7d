#include "ops/copy/copy.h"

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x", false, Access::kAny}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_f32(kOp_copy, site, 0));
  return std::vector<TensorType>{site.operands[0]};
}

}  // namespace

const OpDef kOp_copy = {
    .name = "copy",
    .summary = "The same values, contiguous; the operand may have any strides.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 0); },
};

ValueId copy(GraphBuilder& builder, ValueId x) {
  return builder.add1(kOp_copy, {x});
}

}  // namespace gannet
