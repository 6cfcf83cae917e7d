#include "ops/softmax/softmax.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"mask", true}, {"kv", true}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_softmax;
  const TensorType &x = site.operands[0], &kv = site.operands[2];
  GANNET_TRY(expect_f32(op, site, 0));
  if (x.shape.rank < 2) return shape_error(op, fmt::format("x is {}, must be [..., T, n]", to_text(x)));
  GANNET_TRY(expect_type(op, site, 1, {DType::kF32, Shape(x.shape.dim[x.shape.rank - 2], x.shape.last())},
                         "(the last two axes of x)"));
  if (kv.shape.rank != 0 && kv.dtype != DType::kKvCache)
    return shape_error(op, fmt::format("kv is {}, must be a KV cache", to_text(kv)));
  return std::vector<TensorType>{x};
}

Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 20);
  if (site.operands[2].shape.rank != 0) cost.activation_bytes -= type_bytes(site.operands[2]);
  return cost;
}

}  // namespace

const OpDef kOp_softmax = {
    .name = "softmax",
    .summary =
        "exp(x) over its sum along the last axis. A mask is added first; with a KV cache, row t sees only "
        "columns "
        "0 .. n_past + t.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .repeatable = true,
    .stays = true,
};

ValueId softmax(GraphBuilder& builder, ValueId x, ValueId mask, ValueId kv) {
  return builder.add1(kOp_softmax, {x, mask, kv});
}

}  // namespace gannet
