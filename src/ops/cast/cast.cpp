#include "ops/cast/cast.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x", false, Access::kDense}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType& x = site.operands[0];
  if (x.dtype != DType::kF32 && x.dtype != DType::kF16 && x.dtype != DType::kBF16)
    return shape_error(kOp_cast, fmt::format("x is {}, must be F32, F16 or BF16", to_text(x)));
  return std::vector<TensorType>{{DType::kF32, x.shape}};
}

}  // namespace

const OpDef kOp_cast = {
    .name = "cast",
    .summary = "F32, F16 or BF16 values as F32.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 0); },
};

ValueId cast(GraphBuilder& builder, ValueId x) {
  return builder.add1(kOp_cast, {x});
}

}  // namespace gannet
