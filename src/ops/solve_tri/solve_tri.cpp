#include "ops/solve_tri/solve_tri.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"l"}, {"b", true}};
constexpr const char* kDiagonals[] = {"given", "one"};
constexpr AttrDef kAttrs[] = {
    {"diagonal", AttrKind::kEnum, offsetof(SolveTriAttrs, diagonal), kDiagonals},
};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_solve_tri;
  const TensorType &l = site.operands[0], &b = site.operands[1];
  GANNET_TRY(expect_f32(op, site, 0));
  GANNET_TRY(expect_f32(op, site, 1));
  const int rank = l.shape.rank;
  if (rank < 2 || l.shape.dim[rank - 1] != l.shape.dim[rank - 2])
    return shape_error(op, fmt::format("l is {}, must be [..., n, n]", to_text(l)));
  if (b.shape.rank == 0) return std::vector<TensorType>{l};
  TensorType like = l;
  if (b.shape.rank == rank) like.shape.dim[rank - 1] = b.shape.last();
  if (b.shape.rank != rank || b.shape.rows() != l.shape.last() || b.shape.dim[rank - 2] != l.shape.last())
    GANNET_TRY(expect_type(op, site, 1, like, "to go with l (or one matrix for all)"));
  return std::vector<TensorType>{like};
}

// Half of the products with a full matrix.
Cost cost(const OpSite& site) {
  return streaming_cost(site, site.operands[0].shape.last() + 1);
}

}  // namespace

const OpDef kOp_solve_tri = {
    .name = "solve_tri",
    .summary =
        "X with L X = B for lower triangular L, by forward substitution; B is the identity when it is not "
        "given.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .stays = true,
};

ValueId solve_tri(GraphBuilder& builder, ValueId l, ValueId b, SolveDiagonal diagonal) {
  return builder.add1(kOp_solve_tri, {l, b}, SolveTriAttrs{diagonal});
}

}  // namespace gannet
