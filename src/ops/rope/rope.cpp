#include "ops/rope/rope.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"positions"}};
constexpr AttrDef kAttrs[] = {
    {"n_rot", AttrKind::kInt, offsetof(RopeAttrs, n_rot)},
    {"base", AttrKind::kFloat, offsetof(RopeAttrs, base)},
    {"freq_scale", AttrKind::kFloat, offsetof(RopeAttrs, freq_scale)},
    {"yarn_ext", AttrKind::kFloat, offsetof(RopeAttrs, yarn_ext)},
    {"magnitude", AttrKind::kFloat, offsetof(RopeAttrs, magnitude)},
    {"ramp_low", AttrKind::kFloat, offsetof(RopeAttrs, ramp_low)},
    {"ramp_high", AttrKind::kFloat, offsetof(RopeAttrs, ramp_high)},
};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType& x = site.operands[0];
  const auto& a = site.as<RopeAttrs>();
  GANNET_TRY(expect_f32(kOp_rope, site, 0));
  GANNET_TRY(expect_rank(kOp_rope, site, 0, 3, "[n_tokens, n_heads, head_dim]"));
  GANNET_TRY(
      expect_type(kOp_rope, site, 1, {DType::kI32, Shape(x.shape.dim[0])}, "(one position per token of x)"));
  if (a.n_rot < 2 || a.n_rot % 2 != 0 || a.n_rot > x.shape.last())
    return shape_error(
        kOp_rope,
        fmt::format("n_rot is {}, must be even and between 2 and the head_dim of x {}", a.n_rot, to_text(x)));
  if (!(a.base > 0)) return shape_error(kOp_rope, fmt::format("base is {}, must be positive", a.base));
  return std::vector<TensorType>{x};
}

}  // namespace

const OpDef kOp_rope = {
    .name = "rope",
    .summary =
        "Rotary position embedding over the first n_rot dims of each head, pairs (i, i + n_rot/2); the rest "
        "passes "
        "through. Angle = position * base^(-2i/n_rot), scaled by freq_scale or mixed by the YaRN ramp.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 3); },
    .repeatable = true,
    .stays = true,
};

ValueId rope(GraphBuilder& builder, ValueId x, ValueId positions, const RopeAttrs& attrs) {
  return builder.add1(kOp_rope, {x, positions}, attrs);
}

}  // namespace gannet
