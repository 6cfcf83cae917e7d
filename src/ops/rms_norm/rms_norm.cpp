#include "ops/rms_norm/rms_norm.h"

#include "ir/graph.h"
#include "ops/binary/binary.h"
#include "ops/reshape/reshape.h"
#include "ops/rms_scale/rms_scale.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"w"}};
constexpr AttrDef kAttrs[] = {{"eps", AttrKind::kFloat, offsetof(RmsNormAttrs, eps)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType& x = site.operands[0];
  GANNET_TRY(expect_f32(kOp_rms_norm, site, 0));
  GANNET_TRY(
      expect_type(kOp_rms_norm, site, 1, {DType::kF32, Shape(x.shape.last())}, "like the last axis of x"));
  if (!(site.as<RmsNormAttrs>().eps >= 0)) return shape_error(kOp_rms_norm, "eps must not be negative");
  return std::vector<TensorType>{x};
}

std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite& site, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  const Shape& x = site.operands[0].shape;
  ValueId w = operands[1];
  if (x.rank > 1) {
    Shape row = x;
    for (int axis = 0; axis + 1 < x.rank; ++axis) row.dim[axis] = 1;
    w = reshape(builder, w, row);
  }
  return {mul(builder, rms_scale(builder, operands[0], site.as<RmsNormAttrs>().eps), w)};
}

std::vector<OpSample> samples(const TensorType& result) {
  return {{{result, {DType::kF32, Shape(result.shape.last())}}, pack_attrs(RmsNormAttrs{1e-6f})}};
}

}  // namespace

const OpDef kOp_rms_norm = {
    .name = "rms_norm",
    .summary = "y = x * w / sqrt(mean(x^2) + eps) over the last axis.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 4); },
    .decompose = decompose,
    .repeatable = true,
    .samples = samples,
    .structural_axes = 0,
};

ValueId rms_norm(GraphBuilder& builder, ValueId x, ValueId w, float eps) {
  return builder.add1(kOp_rms_norm, {x, w}, RmsNormAttrs{eps});
}

}  // namespace gannet
