#include "ops/embed/embed.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/weight_type.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"table"}, {"ids"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType &table = site.operands[0], &ids = site.operands[1];
  if (!is_weight_type(table.dtype) || table.shape.rank != 2)
    return shape_error(kOp_embed,
                       fmt::format("table must be [n_rows, n] of a weight type, not {}", to_text(table)));
  if (!whole_blocks(table))
    return shape_error(kOp_embed, fmt::format("the rows of table {} are not whole blocks", to_text(table)));
  if (ids.dtype != DType::kI32 || ids.shape.rank != 1)
    return shape_error(kOp_embed, fmt::format("ids must be I32[n_tokens], not {}", to_text(ids)));
  return std::vector<TensorType>{{DType::kF32, Shape(ids.shape.dim[0], table.shape.dim[1])}};
}

Cost cost(const OpSite& site) {
  const int64_t n_tokens = site.operands[1].shape.dim[0], n = site.operands[0].shape.dim[1];
  return {.weight_bytes = n_tokens * row_bytes(site.operands[0].dtype, n),
          .activation_bytes = 4 * n_tokens * (1 + n),
          .flops = n_tokens * n};
}

}  // namespace

const OpDef kOp_embed = {
    .name = "embed",
    .summary = "Rows of a table, chosen by index and widened to F32.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = cost,
};

ValueId embed(GraphBuilder& builder, ValueId table, ValueId ids) {
  return builder.add1(kOp_embed, {table, ids});
}

}  // namespace gannet
