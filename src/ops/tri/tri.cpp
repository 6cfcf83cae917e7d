#include "ops/tri/tri.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr const char* kKeep[] = {"lower", "strict"};
constexpr AttrDef kAttrs[] = {{"keep", AttrKind::kEnum, offsetof(TriAttrs, keep), kKeep}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_f32(kOp_tri, site, 0));
  const TensorType& x = site.operands[0];
  if (x.shape.rank < 2) return shape_error(kOp_tri, fmt::format("x is {}, must be [..., n, m]", to_text(x)));
  return std::vector<TensorType>{x};
}

}  // namespace

const OpDef kOp_tri = {
    .name = "tri",
    .summary = "Zero above the diagonal of the last two axes (lower), or on it and above (strict).",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 0); },
    .elementwise = true,
};

ValueId tri(GraphBuilder& builder, ValueId x, TriKeep keep) {
  return builder.add1(kOp_tri, {x}, TriAttrs{keep});
}

}  // namespace gannet
