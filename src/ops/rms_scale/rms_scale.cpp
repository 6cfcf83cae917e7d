#include "ops/rms_scale/rms_scale.h"

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr AttrDef kAttrs[] = {{"eps", AttrKind::kFloat, offsetof(RmsScaleAttrs, eps)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_f32(kOp_rms_scale, site, 0));
  if (!(site.as<RmsScaleAttrs>().eps >= 0)) return shape_error(kOp_rms_scale, "eps must not be negative");
  return std::vector<TensorType>{site.operands[0]};
}

}  // namespace

const OpDef kOp_rms_scale = {
    .name = "rms_scale",
    .summary = "y = x / sqrt(mean(x^2) + eps) over the last axis.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 3); },
    .repeatable = true,
    .stays = true,
};

ValueId rms_scale(GraphBuilder& builder, ValueId x, float eps) {
  return builder.add1(kOp_rms_scale, {x}, RmsScaleAttrs{eps});
}

}  // namespace gannet
