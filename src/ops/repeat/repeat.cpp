#include "ops/repeat/repeat.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr const char* kKinds[] = {"interleave", "tile"};
constexpr AttrDef kAttrs[] = {{"axis", AttrKind::kInt, offsetof(RepeatAttrs, axis)},
                              {"times", AttrKind::kInt, offsetof(RepeatAttrs, times)},
                              {"kind", AttrKind::kEnum, offsetof(RepeatAttrs, kind), kKinds}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const auto& a = site.as<RepeatAttrs>();
  GANNET_TRY(expect_f32(kOp_repeat, site, 0));
  TensorType y = site.operands[0];
  if (a.axis < 0 || a.axis >= y.shape.rank)
    return shape_error(kOp_repeat, fmt::format("{} has no axis {}", to_text(y), a.axis));
  if (a.times < 1) return shape_error(kOp_repeat, "times must be positive");
  y.shape.dim[a.axis] *= a.times;
  return std::vector<TensorType>{y};
}

}  // namespace

const OpDef kOp_repeat = {
    .name = "repeat",
    .summary = "One axis `times` as long: entry i is entry i / times (interleave) or i % dim (tile) of x.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 0); },
};

ValueId repeat(GraphBuilder& builder, ValueId x, int64_t axis, int64_t times, RepeatKind kind) {
  return builder.add1(kOp_repeat, {x}, RepeatAttrs{axis, times, kind});
}

}  // namespace gannet
