#include "ops/reshape/reshape.h"

#include <fmt/core.h>

#include "ir/graph.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr AttrDef kAttrs[] = {{"rank", AttrKind::kInt, offsetof(ReshapeAttrs, rank)},
                              {"d0", AttrKind::kInt, offsetof(ReshapeAttrs, dim)},
                              {"d1", AttrKind::kInt, offsetof(ReshapeAttrs, dim) + 8},
                              {"d2", AttrKind::kInt, offsetof(ReshapeAttrs, dim) + 16},
                              {"d3", AttrKind::kInt, offsetof(ReshapeAttrs, dim) + 24}};

Shape target(const ReshapeAttrs& a) {
  Shape s;
  s.rank = static_cast<int32_t>(a.rank);
  for (int i = 0; i < s.rank; ++i) s.dim[i] = a.dim[i];
  return s;
}

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const auto& a = site.as<ReshapeAttrs>();
  const TensorType& x = site.operands[0];
  if (a.rank < 1 || a.rank > kMaxRank) return shape_error(kOp_reshape, "rank must be 1 to 4");
  const Shape shape = target(a);
  if (shape.elements() != x.shape.elements())
    return shape_error(kOp_reshape,
                       fmt::format("{} has another number of elements than the target", to_text(x)));
  return std::vector<TensorType>{{x.dtype, shape}};
}

// The operand's memory as runs: axes that are dense with respect to each other are merged, then split again
// along the target shape. False when the target cuts across a stride.
bool view_as(const TensorView& x, const Shape& shape, TensorView& y) {
  const int64_t element = dtype_info(x.dtype).block_bytes;
  y = x;
  y.shape = shape;
  int from = x.shape.rank - 1;
  int64_t run = 1,
          run_stride = element;  // elements covered so far in the current dense run of x, and its unit
  int to = shape.rank - 1;
  while (to >= 0) {
    if (shape.dim[to] == 1) {
      y.stride[to] = run_stride * run;
      --to;
      continue;
    }
    // Collect the dense run that starts at axis `from`.
    while (from >= 0 && x.shape.dim[from] == 1) --from;
    if (from < 0) return false;
    const int64_t unit = x.stride[from];
    int64_t length = x.shape.dim[from];
    int next = from - 1;
    while (next >= 0 && (x.shape.dim[next] == 1 || x.stride[next] == unit * length)) {
      length *= x.shape.dim[next];
      --next;
    }
    int64_t covered = 1;
    while (covered < length) {
      if (to < 0 || length % (covered * shape.dim[to]) != 0) return false;
      y.stride[to] = unit * covered;
      covered *= shape.dim[to];
      --to;
    }
    from = next;
    run = covered;
    run_stride = unit;
  }
  return true;
}

TensorView view(const OpSite& site, const TensorView& x) {
  TensorView y;
  GANNET_CHECK(view_as(x, target(site.as<ReshapeAttrs>()), y), "reshape cuts across a stride");
  return y;
}

}  // namespace

const OpDef kOp_reshape = {
    .name = "reshape",
    .summary = "The same elements under another shape; a view.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite&) { return Cost{}; },
    .view = view,
};

bool reshape_is_view(const TensorView& x, const Shape& shape) {
  TensorView y;
  return view_as(x, shape, y);
}

ValueId reshape(GraphBuilder& builder, ValueId x, const Shape& shape) {
  ReshapeAttrs attrs{};
  attrs.rank = shape.rank;
  for (int i = 0; i < kMaxRank; ++i) attrs.dim[i] = i < shape.rank ? shape.dim[i] : 1;
  return builder.add1(kOp_reshape, {x}, attrs);
}

}  // namespace gannet
