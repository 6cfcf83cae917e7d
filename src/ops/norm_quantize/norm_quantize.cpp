#include "ops/norm_quantize/norm_quantize.h"

#include <cstring>

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/quantize/quantize.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/rules.h"
#include "tensor/act8.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"w"}};
constexpr AttrDef kAttrs[] = {{"eps", AttrKind::kFloat, offsetof(NormQuantizeAttrs, eps)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_norm_quantize;
  const TensorType& x = site.operands[0];
  GANNET_TRY(expect_f32(op, site, 0));
  GANNET_TRY(expect_rank(op, site, 0, 2, "[n_tokens, n]"));
  const int64_t n = x.shape.dim[1];
  if (n < 1 || n % 32 != 0)
    return shape_error(op, fmt::format("the rows of x {} are not whole blocks of 32", to_text(x)));
  GANNET_TRY(expect_type(op, site, 1, {DType::kF32, Shape(n)}, "like the last axis of x"));
  if (!(site.as<NormQuantizeAttrs>().eps >= 0)) return shape_error(op, "eps must not be negative");
  return std::vector<TensorType>{x, {DType::kAct8, Shape(x.shape.dim[0], act_padded(n))}};
}

std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite& site, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  const ValueId y = rms_norm(builder, operands[0], operands[1], site.as<NormQuantizeAttrs>().eps);
  return {y, quantize(builder, y)};
}

std::vector<OpSample> samples(const TensorType& result) {
  const NormQuantizeAttrs attrs{1e-6f};
  OpSample sample{{result, {DType::kF32, Shape(result.shape.last())}}, {}};
  std::memcpy(sample.attrs.raw.data(), &attrs, sizeof(attrs));
  return {sample};
}

}  // namespace

const OpDef kOp_norm_quantize = {
    .name = "norm_quantize",
    .summary = "y = rms_norm(x; w), and y rounded to 8 bits for the products that follow.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 2,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 4); },
    .decompose = decompose,
    .repeatable = true,
    .samples = samples,
};

NormQuantized norm_quantize(GraphBuilder& builder, ValueId x, ValueId w, float eps) {
  const ValueId operands[] = {x, w};
  const NormQuantizeAttrs attrs{eps};
  const std::vector<ValueId> results = builder.add(kOp_norm_quantize, operands, &attrs, sizeof(attrs));
  return {results[0], results[1]};
}

}  // namespace gannet
