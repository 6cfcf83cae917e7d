#include "ops/gather_columns/gather_columns.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"ids"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType &x = site.operands[0], &ids = site.operands[1];
  GANNET_TRY(expect_f32(kOp_gather_columns, site, 0));
  GANNET_TRY(expect_rank(kOp_gather_columns, site, 0, 2, "[n_rows, n_columns]"));
  if (ids.dtype != DType::kI32 || ids.shape.rank != 2 || ids.shape.dim[0] != x.shape.dim[0])
    return shape_error(kOp_gather_columns,
                       fmt::format("ids must be I32[{}, k], not {}", x.shape.dim[0], to_text(ids)));
  return std::vector<TensorType>{{DType::kF32, ids.shape}};
}

// Only the chosen values of x are read.
Cost cost(const OpSite& site) {
  return {.activation_bytes = 12 * site.operands[1].shape.elements()};
}

}  // namespace

const OpDef kOp_gather_columns = {
    .name = "gather_columns",
    .summary = "Chosen columns of each row: y[t, j] = x[t, ids[t, j]].",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .repeatable = true,
    .stays = true,
};

ValueId gather_columns(GraphBuilder& builder, ValueId x, ValueId ids) {
  return builder.add1(kOp_gather_columns, {x, ids});
}

}  // namespace gannet
