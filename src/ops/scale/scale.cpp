#include "ops/scale/scale.h"

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr AttrDef kAttrs[] = {{"factor", AttrKind::kFloat, offsetof(ScaleAttrs, factor)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_f32(kOp_scale, site, 0));
  return std::vector<TensorType>{site.operands[0]};
}

}  // namespace

const OpDef kOp_scale = {
    .name = "scale",
    .summary = "y = factor * x.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 1); },
    .elementwise = true,
    .repeatable = true,
};

ValueId scale(GraphBuilder& builder, ValueId x, float factor) {
  return builder.add1(kOp_scale, {x}, ScaleAttrs{factor});
}

}  // namespace gannet
