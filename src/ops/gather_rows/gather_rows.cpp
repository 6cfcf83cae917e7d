#include "ops/gather_rows/gather_rows.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"rows"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType &x = site.operands[0], &rows = site.operands[1];
  if (x.dtype != DType::kF32 && x.dtype != DType::kI32)
    return shape_error(kOp_gather_rows, fmt::format("x must be F32 or I32, not {}", to_text(x)));
  GANNET_TRY(expect_rank(kOp_gather_rows, site, 0, 2, "[n_rows, n]"));
  if (rows.dtype != DType::kI32 || rows.shape.rank != 1)
    return shape_error(kOp_gather_rows, fmt::format("rows must be I32[m], not {}", to_text(rows)));
  return std::vector<TensorType>{{x.dtype, Shape(rows.shape.dim[0], x.shape.dim[1])}};
}

Cost cost(const OpSite& site) {
  // Of x only the rows that are wanted.
  const int64_t m = site.operands[1].shape.dim[0], n = site.operands[0].shape.dim[1];
  return {.activation_bytes = 4 * m * (1 + 2 * n)};
}

}  // namespace

const OpDef kOp_gather_rows = {
    .name = "gather_rows",
    .summary = "Rows of a value, chosen by index.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = cost,
};

ValueId gather_rows(GraphBuilder& builder, ValueId x, ValueId rows) {
  return builder.add1(kOp_gather_rows, {x, rows});
}

}  // namespace gannet
