#include "ops/l2_norm/l2_norm.h"

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr AttrDef kAttrs[] = {{"eps", AttrKind::kFloat, offsetof(L2NormAttrs, eps)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_f32(kOp_l2_norm, site, 0));
  if (!(site.as<L2NormAttrs>().eps >= 0)) return shape_error(kOp_l2_norm, "eps must not be negative");
  return std::vector<TensorType>{site.operands[0]};
}

}  // namespace

const OpDef kOp_l2_norm = {
    .name = "l2_norm",
    .summary = "y = x / sqrt(sum(x^2) + eps) over the last axis.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 3); },
    .repeatable = true,
    .stays = true,
};

ValueId l2_norm(GraphBuilder& builder, ValueId x, float eps) {
  return builder.add1(kOp_l2_norm, {x}, L2NormAttrs{eps});
}

}  // namespace gannet
