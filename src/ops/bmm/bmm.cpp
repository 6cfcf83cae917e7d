#include "ops/bmm/bmm.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"a", false, Access::kAny}, {"b"}};
constexpr const char* kSides[] = {"rows", "columns"};
constexpr const char* kHeads[] = {"same", "tiled", "grouped"};
constexpr AttrDef kAttrs[] = {{"b", AttrKind::kEnum, offsetof(BmmAttrs, b), kSides},
                              {"heads", AttrKind::kEnum, offsetof(BmmAttrs, heads), kHeads}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_bmm;
  const Shape &a = site.operands[0].shape, &b = site.operands[1].shape;
  const auto& attrs = site.as<BmmAttrs>();
  GANNET_TRY(expect_f32(op, site, 0));
  GANNET_TRY(expect_f32(op, site, 1));
  const auto bad = [&](const char* what) {
    return shape_error(
        op, fmt::format("a {} and b {} {}", to_text(site.operands[0]), to_text(site.operands[1]), what));
  };
  const int rank = a.rank;
  if (rank < 2 || b.rank != rank) return bad("must have the same rank, 2 or more");
  const bool rows = attrs.b == BmmSide::kRows;
  if (a.dim[rank - 1] != b.dim[rows ? rank - 1 : rank - 2]) return bad("have different inner lengths");
  Shape y = a;
  y.dim[rank - 1] = b.dim[rows ? rank - 2 : rank - 1];
  for (int axis = 0; axis < rank - 2; ++axis) {
    if (a.dim[axis] == b.dim[axis]) continue;
    const int64_t many = a.dim[axis] > b.dim[axis] ? a.dim[axis] : b.dim[axis];
    const int64_t few = a.dim[axis] > b.dim[axis] ? b.dim[axis] : a.dim[axis];
    if (axis != 0 || attrs.heads == HeadShare::kSame || few < 1 || many % few != 0)
      return bad("have different leading axes");
    y.dim[0] = many;
  }
  return std::vector<TensorType>{{DType::kF32, y}};
}

Cost cost(const OpSite& site) {
  return streaming_cost(site, 2 * site.operands[0].shape.last());
}

}  // namespace

const OpDef kOp_bmm = {
    .name = "bmm",
    .summary =
        "Matrix products of corresponding entries of two batches: a b^T where b holds rows, a b where it "
        "holds "
        "columns. With heads tiled or grouped one operand has fewer entries on axis 0 and each is used "
        "several "
        "times.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .stays = true,
};

ValueId bmm(GraphBuilder& builder, ValueId a, ValueId b, BmmSide side, HeadShare heads) {
  return builder.add1(kOp_bmm, {a, b}, BmmAttrs{side, heads});
}

}  // namespace gannet
