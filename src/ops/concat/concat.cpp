#include "ops/concat/concat.h"

#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"a"}, {"b"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType &a = site.operands[0], &b = site.operands[1];
  GANNET_TRY(expect_f32(kOp_concat, site, 0));
  GANNET_TRY(expect_f32(kOp_concat, site, 1));
  TensorType y = a;
  const int last = a.shape.rank - 1;
  y.shape.dim[last] = b.shape.last();
  if (!(y == b))
    return shape_error(kOp_concat,
                       fmt::format("leading axes of a {} and b {} differ", to_text(a), to_text(b)));
  y.shape.dim[last] += a.shape.dim[last];
  return std::vector<TensorType>{y};
}

}  // namespace

const OpDef kOp_concat = {
    .name = "concat",
    .summary = "Two operands side by side along the last axis.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 0); },
};

ValueId concat(GraphBuilder& builder, ValueId a, ValueId b) {
  return builder.add1(kOp_concat, {a, b});
}

}  // namespace gannet
