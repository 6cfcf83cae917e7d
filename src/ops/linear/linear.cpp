#include "ops/linear/linear.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/binary/binary.h"
#include "ops/concat/concat.h"
#include "ops/matmul/matmul.h"
#include "ops/rules.h"
#include "ops/weight_type.h"
#include "tensor/act8.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"},
                                    {.name = "q", .optional = true},
                                    {.name = "residual", .optional = true},
                                    {.name = "w", .access = Access::kDense, .variadic = true}};
constexpr int kFirstWeight = 3;

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_linear;
  const TensorType& x = site.operands[0];
  GANNET_TRY(expect_f32(op, site, 0));
  GANNET_TRY(expect_rank(op, site, 0, 2, "[n_tokens, n_in]"));
  const int64_t n_tokens = x.shape.dim[0], n_in = x.shape.dim[1];
  GANNET_TRY(expect_type(op, site, 1, {DType::kAct8, Shape(n_tokens, act_padded(n_in))}, "(x rounded)"));
  if (site.operands[1].shape.rank != 0 && n_in % 32 != 0)
    return shape_error(op, fmt::format("the rows of x {} cannot be rounded", to_text(x)));
  int64_t n_out = 0;
  for (int i = kFirstWeight; i < site.n_operands; ++i) {
    const TensorType& w = site.operands[i];
    if (!is_weight_type(w.dtype) || w.shape.rank != 2 || w.shape.dim[1] != n_in || !whole_blocks(w))
      return shape_error(
          op, fmt::format("w {} must be [n_out, {}] of a weight type, in whole blocks", to_text(w), n_in));
    n_out += w.shape.dim[0];
  }
  const TensorType result{DType::kF32, Shape(n_tokens, n_out)};
  GANNET_TRY(expect_type(op, site, 2, result, "like the result"));
  return std::vector<TensorType>{result};
}

Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 0);
  for (int i = kFirstWeight; i < site.n_operands; ++i) {
    cost.weight_bytes += type_bytes(site.operands[i]);
    cost.flops += 2 * site.operands[0].shape.dim[0] * site.operands[i].shape.elements();
  }
  cost.activation_bytes -= cost.weight_bytes;
  return cost;
}

std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite&, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  std::vector<ValueId> parts;
  for (const ValueId w : operands.subspan(kFirstWeight)) parts.push_back(matmul(builder, operands[0], w));
  const ValueId y = parts.size() == 1 ? parts[0] : concat(builder, parts, 1);
  return {operands[2] == kNoValue ? y : add(builder, operands[2], y)};
}

// The form that is worth finding in a lowered graph: a residual around one product.
std::vector<OpSample> samples(const TensorType& result) {
  constexpr int64_t kIn = 64;
  return {{{{DType::kF32, Shape(result.shape.dim[0], kIn)},
            {},
            result,
            {DType::kF32, Shape(result.shape.last(), kIn)}},
           {}}};
}

}  // namespace

const OpDef kOp_linear = {
    .name = "linear",
    .summary =
        "Products of the same activations with one or several weight matrices of any stored type, the "
        "results "
        "side by side, plus a residual; takes the rounded activations where they exist.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .decompose = decompose,
    .samples = samples,
    .structural_axes = 0,
};

ValueId linear(GraphBuilder& builder, ValueId x, ValueId q, ValueId residual, std::span<const ValueId> w) {
  std::vector<ValueId> operands{x, q, residual};
  operands.insert(operands.end(), w.begin(), w.end());
  return builder.add(kOp_linear, operands, nullptr, 0)[0];
}

}  // namespace gannet
