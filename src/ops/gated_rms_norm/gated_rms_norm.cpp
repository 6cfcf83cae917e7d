#include "ops/gated_rms_norm/gated_rms_norm.h"

#include "ir/graph.h"
#include "ops/binary/binary.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/rules.h"
#include "ops/unary/unary.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"w"}, {"z"}};
constexpr AttrDef kAttrs[] = {{"eps", AttrKind::kFloat, offsetof(GatedRmsNormAttrs, eps)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType& x = site.operands[0];
  GANNET_TRY(expect_f32(kOp_gated_rms_norm, site, 0));
  GANNET_TRY(expect_type(kOp_gated_rms_norm, site, 1, {DType::kF32, Shape(x.shape.last())},
                         "like the last axis of x"));
  GANNET_TRY(expect_type(kOp_gated_rms_norm, site, 2, x, "like x"));
  if (!(site.as<GatedRmsNormAttrs>().eps >= 0))
    return shape_error(kOp_gated_rms_norm, "eps must not be negative");
  return std::vector<TensorType>{x};
}

std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite& site, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  const ValueId normed = rms_norm(builder, operands[0], operands[1], site.as<GatedRmsNormAttrs>().eps);
  return {mul(builder, normed, silu(builder, operands[2]))};
}

std::vector<OpSample> samples(const TensorType& result) {
  return {
      {{result, {DType::kF32, Shape(result.shape.last())}, result}, pack_attrs(GatedRmsNormAttrs{1e-6f})}};
}

}  // namespace

const OpDef kOp_gated_rms_norm = {
    .name = "gated_rms_norm",
    .summary = "y = rms_norm(x; w) * silu(z) over the last axis: norm first, gate after.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 25); },
    .decompose = decompose,
    .repeatable = true,
    .samples = samples,
    .structural_axes = 0,
};

ValueId gated_rms_norm(GraphBuilder& builder, ValueId x, ValueId w, ValueId z, float eps) {
  return builder.add1(kOp_gated_rms_norm, {x, w, z}, GatedRmsNormAttrs{eps});
}

}  // namespace gannet
