#include "passes/layout.h"

#include "ops/reshape/reshape.h"

namespace gannet {
namespace {

// The view that a view node makes of `operand`; false when there is none (a reshape across a stride).
bool view_through(const GraphEdit& edit, int n, const TensorView& operand, TensorView& out) {
  const Node& node = edit.node(n);
  const Graph::Site s = edit.graph().site(node);
  if (node.op == &kOp_reshape && !reshape_is_view(operand, edit.type(node.results[0]).shape)) return false;
  out = node.op->view(s.site, operand);
  return true;
}

bool rows_contiguous(const TensorView& view) {
  return view.shape.last() == 1 ||
         view.stride[view.shape.rank - 1] == static_cast<int64_t>(dtype_info(view.dtype).block_bytes);
}

bool dense(const TensorView& view) {
  return rows_contiguous(view) && is_contiguous(view);
}

}  // namespace

TensorView layout_of(const GraphEdit& edit, ValueId id) {
  const int n = edit.producer(id);
  const TensorType& type = edit.type(id);
  if (n < 0 || edit.node(n).op->view == nullptr || edit.node(n).operands.size() != 1)
    return contiguous_view(nullptr, type.dtype, type.shape);
  const ValueId from = edit.node(n).operands[0];
  if (edit.type(from).dtype == DType::kRecurrent) return contiguous_view(nullptr, type.dtype, type.shape);
  TensorView view;
  const bool possible = view_through(edit, n, layout_of(edit, from), view);
  GANNET_CHECK(possible, "a reshape in the graph cuts across a stride");
  return view;
}

bool views_state(const GraphEdit& edit, ValueId id) {
  const int n = edit.producer(id);
  if (n < 0) return edit.value(id).kind == ValueKind::kState;
  return edit.node(n).op->view != nullptr && views_state(edit, edit.node(n).operands[0]);
}

bool uses_accept(const GraphEdit& edit, ValueId id, const TensorView& layout) {
  if (edit.is_output(id)) return dense(layout);
  bool accepted = true;
  edit.for_uses(id, [&](const GraphEdit::Use& use) {
    const Node& node = edit.node(use.node);
    if (node.op->view != nullptr) {
      TensorView view;
      accepted = view_through(edit, use.node, layout, view) && uses_accept(edit, node.results[0], view);
      return accepted;
    }
    const Access access = operand_def(*node.op, static_cast<size_t>(use.operand)).access;
    accepted =
        access == Access::kAny || (access == Access::kRows && rows_contiguous(layout)) || dense(layout);
    return accepted;
  });
  return accepted;
}

void sweep(GraphEdit& edit, ValueId id) {
  const int n = edit.producer(id);
  if (n < 0 || !edit.alive(n) || edit.node(n).op->writes_state) return;
  for (const ValueId result : edit.node(n).results)
    if (!edit.unused(result)) return;
  const std::vector<ValueId> operands = edit.node(n).operands;
  edit.erase(n);
  for (const ValueId operand : operands)
    if (operand != kNoValue) sweep(edit, operand);
}

}  // namespace gannet
