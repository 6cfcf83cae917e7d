#include "ops/pad/pad.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr AttrDef kAttrs[] = {{"axis", AttrKind::kInt, offsetof(PadAttrs, axis)},
                              {"after", AttrKind::kInt, offsetof(PadAttrs, after)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const auto& a = site.as<PadAttrs>();
  GANNET_TRY(expect_f32(kOp_pad, site, 0));
  TensorType y = site.operands[0];
  if (a.axis < 0 || a.axis >= y.shape.rank)
    return shape_error(kOp_pad, fmt::format("{} has no axis {}", to_text(y), a.axis));
  if (a.after < 0) return shape_error(kOp_pad, "after must not be negative");
  y.shape.dim[a.axis] += a.after;
  return std::vector<TensorType>{y};
}

}  // namespace

const OpDef kOp_pad = {
    .name = "pad",
    .summary = "One axis longer by `after` zeros at its end.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 0); },
};

ValueId pad(GraphBuilder& builder, ValueId x, int64_t axis, int64_t after) {
  return builder.add1(kOp_pad, {x}, PadAttrs{axis, after});
}

}  // namespace gannet
