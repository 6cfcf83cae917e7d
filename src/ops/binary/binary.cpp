#include "ops/binary/binary.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"a"}, {"b"}};
constexpr const char* kHeads[] = {"same", "tiled", "grouped"};
constexpr AttrDef kMulAttrs[] = {{"heads", AttrKind::kEnum, offsetof(MulAttrs, heads), kHeads}};

// Operands of one rank, on each axis the same length or 1 on one side; with shared heads the lengths of axis
// 0 may also divide each other.
Result<std::vector<TensorType>> broadcast_type(const OpDef& op, const OpSite& site, HeadShare heads) {
  GANNET_TRY(expect_f32(op, site, 0));
  GANNET_TRY(expect_f32(op, site, 1));
  const TensorType &a = site.operands[0], &b = site.operands[1];
  TensorType y = a;
  bool fits = a.shape.rank == b.shape.rank;
  for (int axis = 0; fits && axis < a.shape.rank; ++axis) {
    const int64_t n = a.shape.dim[axis], m = b.shape.dim[axis];
    const bool shared =
        axis == 0 && heads != HeadShare::kSame && n > 0 && m > 0 && (n % m == 0 || m % n == 0);
    fits = n == m || n == 1 || m == 1 || shared;
    y.shape.dim[axis] = n == m || m == 1 ? n : n == 1 ? m : n > m ? n : m;
  }
  if (!fits)
    return shape_error(op, fmt::format("{} is {}, must be like {} {} on every axis, or 1 on one side",
                                       operand_name(op, 1), to_text(b), operand_name(op, 0), to_text(a)));
  return std::vector<TensorType>{y};
}

template <const OpDef& kOp>
Result<std::vector<TensorType>> infer(const OpSite& site) {
  return broadcast_type(kOp, site, HeadShare::kSame);
}

Result<std::vector<TensorType>> infer_mul(const OpSite& site) {
  return broadcast_type(kOp_mul, site, site.as<MulAttrs>().heads);
}

constexpr OpDef binary(const char* name, const char* summary, decltype(OpDef::infer) infer) {
  return {
      .name = name,
      .summary = summary,
      .operands = kOperands,
      .attrs = {},
      .n_results = 1,
      .infer = infer,
      .cost = [](const OpSite& site) { return streaming_cost(site, 1); },
      .elementwise = true,
      .repeatable = true,
  };
}

constexpr OpDef with_attrs(OpDef op, std::span<const AttrDef> attrs) {
  op.attrs = attrs;
  return op;
}

}  // namespace

constinit const OpDef kOp_add =
    binary("add", "y = a + b; an axis of length 1 on one side is repeated.", infer<kOp_add>);
constinit const OpDef kOp_sub =
    binary("sub", "y = a - b; an axis of length 1 on one side is repeated.", infer<kOp_sub>);
constinit const OpDef kOp_div =
    binary("div", "y = a / b; an axis of length 1 on one side is repeated.", infer<kOp_div>);
constinit const OpDef kOp_mul = with_attrs(
    binary("mul",
           "y = a * b; an axis of length 1 on one side is repeated, and heads (axis 0) may be shared: entry "
           "h takes h % few (tiled) or h / (many / few) (grouped) of the side with fewer.",
           infer_mul),
    kMulAttrs);

ValueId add(GraphBuilder& builder, ValueId a, ValueId b) {
  return builder.add1(kOp_add, {a, b});
}

ValueId sub(GraphBuilder& builder, ValueId a, ValueId b) {
  return builder.add1(kOp_sub, {a, b});
}

ValueId div(GraphBuilder& builder, ValueId a, ValueId b) {
  return builder.add1(kOp_div, {a, b});
}

ValueId mul(GraphBuilder& builder, ValueId a, ValueId b, HeadShare heads) {
  return builder.add1(kOp_mul, {a, b}, MulAttrs{heads});
}

}  // namespace gannet
