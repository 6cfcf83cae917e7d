#include "ops/slice/slice.h"

#include <fmt/core.h>

#include "ir/graph.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x", false, Access::kAny}};
constexpr AttrDef kAttrs[] = {{"axis", AttrKind::kInt, offsetof(SliceAttrs, axis)},
                              {"start", AttrKind::kInt, offsetof(SliceAttrs, start)},
                              {"length", AttrKind::kInt, offsetof(SliceAttrs, length)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const auto& a = site.as<SliceAttrs>();
  TensorType y = site.operands[0];
  if (a.axis < 0 || a.axis >= y.shape.rank)
    return shape_error(kOp_slice, fmt::format("{} has no axis {}", to_text(y), a.axis));
  const int64_t n = y.shape.dim[a.axis];
  if (a.start < 0 || a.length < 1 || a.start > n || a.length > n - a.start)
    return shape_error(
        kOp_slice, fmt::format("[{}, +{}) is outside axis {} of {}", a.start, a.length, a.axis, to_text(y)));
  const int32_t block = dtype_info(y.dtype).block_elems;
  if (a.axis == y.shape.rank - 1 && (a.start % block != 0 || a.length % block != 0))
    return shape_error(kOp_slice, "cuts a block");
  y.shape.dim[a.axis] = a.length;
  return std::vector<TensorType>{y};
}

TensorView view(const OpSite& site, const TensorView& x) {
  const auto& a = site.as<SliceAttrs>();
  TensorView y = x;
  y.shape.dim[a.axis] = a.length;
  const bool last = a.axis == x.shape.rank - 1;
  y.data += (last ? a.start / dtype_info(x.dtype).block_elems : a.start) * x.stride[a.axis];
  return y;
}

}  // namespace

const OpDef kOp_slice = {
    .name = "slice",
    .summary = "Elements [start, start + length) of one axis; a view.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite&) { return Cost{}; },
    .view = view,
};

ValueId slice(GraphBuilder& builder, ValueId x, int64_t axis, int64_t start, int64_t length) {
  return builder.add1(kOp_slice, {x}, SliceAttrs{axis, start, length});
}

}  // namespace gannet
