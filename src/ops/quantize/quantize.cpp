#include "ops/quantize/quantize.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"
#include "tensor/act8.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType& x = site.operands[0];
  GANNET_TRY(expect_f32(kOp_quantize, site, 0));
  GANNET_TRY(expect_rank(kOp_quantize, site, 0, 2, "[n_tokens, n]"));
  if (x.shape.dim[1] < 1 || x.shape.dim[1] % 32 != 0)
    return shape_error(kOp_quantize, fmt::format("the rows of x {} are not whole blocks of 32", to_text(x)));
  return std::vector<TensorType>{{DType::kAct8, Shape(x.shape.dim[0], act_padded(x.shape.dim[1]))}};
}

}  // namespace

const OpDef kOp_quantize = {
    .name = "quantize",
    .summary = "Rounds each row of activations to 8 bits with one scale per 32 values, for matrix products.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 4); },
    .repeatable = true,
    .stays = true,
};

ValueId quantize(GraphBuilder& builder, ValueId x) {
  return builder.add1(kOp_quantize, {x});
}

}  // namespace gannet
