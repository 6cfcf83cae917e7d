#include "ops/permute/permute.h"

#include <fmt/core.h>

#include <algorithm>

#include "ir/graph.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x", false, Access::kAny}};
constexpr AttrDef kAttrs[] = {{"p0", AttrKind::kInt, offsetof(PermuteAttrs, axis)},
                              {"p1", AttrKind::kInt, offsetof(PermuteAttrs, axis) + 8},
                              {"p2", AttrKind::kInt, offsetof(PermuteAttrs, axis) + 16},
                              {"p3", AttrKind::kInt, offsetof(PermuteAttrs, axis) + 24}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const auto& a = site.as<PermuteAttrs>();
  const TensorType& x = site.operands[0];
  if (dtype_info(x.dtype).block_elems != 1 || dtype_info(x.dtype).block_bytes == 0)
    return shape_error(kOp_permute, fmt::format("x is {}, must have elements of their own", to_text(x)));
  TensorType y = x;
  unsigned seen = 0;
  for (int i = 0; i < kMaxRank; ++i) {
    const int64_t from = a.axis[i];
    if (from < 0 || from >= kMaxRank || (i < x.shape.rank ? from >= x.shape.rank : from != i) ||
        (seen >> from & 1) != 0)
      return shape_error(kOp_permute, fmt::format("{} {} {} {} is no order of the axes of {}", a.axis[0],
                                                  a.axis[1], a.axis[2], a.axis[3], to_text(x)));
    seen |= 1u << from;
    y.shape.dim[i] = x.shape.dim[from];
  }
  return std::vector<TensorType>{y};
}

TensorView view(const OpSite& site, const TensorView& x) {
  const auto& a = site.as<PermuteAttrs>();
  TensorView y = x;
  for (int i = 0; i < x.shape.rank; ++i) {
    y.shape.dim[i] = x.shape.dim[a.axis[i]];
    y.stride[i] = x.stride[a.axis[i]];
  }
  return y;
}
}  // namespace

const OpDef kOp_permute = {
    .name = "permute",
    .summary = "The axes in another order; a view.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite&) { return Cost{}; },
    .view = view,
};

ValueId permute(GraphBuilder& builder, ValueId x, std::initializer_list<int64_t> axes) {
  PermuteAttrs attrs{{0, 1, 2, 3}};
  if (static_cast<int32_t>(axes.size()) != builder.shape(x).rank || axes.size() > kMaxRank)
    builder.fail(fmt::format("permute: {} axes for {}", axes.size(), to_text(builder.type(x))));
  else
    std::copy(axes.begin(), axes.end(), attrs.axis);
  return builder.add1(kOp_permute, {x}, attrs);
}

}  // namespace gannet
