#include "ops/gated_add/gated_add.h"

#include "ir/graph.h"
#include "ops/binary/binary.h"
#include "ops/rules.h"
#include "ops/unary/unary.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"a"}, {"b"}, {"s"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType& a = site.operands[0];
  GANNET_TRY(expect_f32(kOp_gated_add, site, 0));
  GANNET_TRY(expect_rank(kOp_gated_add, site, 0, 2, "[n_tokens, n]"));
  GANNET_TRY(expect_type(kOp_gated_add, site, 1, a, "like a"));
  GANNET_TRY(expect_type(kOp_gated_add, site, 2, {DType::kF32, Shape(a.shape.dim[0], 1)},
                         "(one gate per row of a)"));
  return std::vector<TensorType>{a};
}

std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite&, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  return {add(builder, operands[0], mul(builder, operands[1], sigmoid(builder, operands[2])))};
}

std::vector<OpSample> samples(const TensorType& result) {
  return {{{result, result, {DType::kF32, Shape(result.shape.dim[0], 1)}}, {}}};
}

}  // namespace

const OpDef kOp_gated_add = {
    .name = "gated_add",
    .summary = "y = a + sigmoid(s) * b with one gate per row (the shared expert of a mixture).",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 2); },
    .decompose = decompose,
    .elementwise = true,
    .repeatable = true,
    .samples = samples,
    .structural_axes = 0,
};

ValueId gated_add(GraphBuilder& builder, ValueId a, ValueId b, ValueId s) {
  return builder.add1(kOp_gated_add, {a, b, s});
}

}  // namespace gannet
