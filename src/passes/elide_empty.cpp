// Views that show all of their operand in its own shape, and repeats, paddings and concatenations of one.
#include "ops/concat/concat.h"
#include "ops/pad/pad.h"
#include "ops/permute/permute.h"
#include "ops/repeat/repeat.h"
#include "ops/reshape/reshape.h"
#include "ops/slice/slice.h"
#include "passes/layout.h"
#include "passes/pass.h"

namespace gannet {
namespace {

bool is_identity(const Node& node) {
  if (node.op != &kOp_permute) return true;
  const auto& axes = attrs_of<PermuteAttrs>(node);
  for (int i = 0; i < kMaxRank; ++i)
    if (axes.axis[i] != i) return false;
  return true;
}

void run(GraphEdit& edit, PassContext&) {
  for (int n = 0; n < edit.n_nodes(); ++n) {
    const Node& node = edit.node(n);
    const OpDef* op = node.op;
    const bool view = op == &kOp_reshape || op == &kOp_slice || op == &kOp_permute;
    const bool mover = op == &kOp_repeat || op == &kOp_pad || op == &kOp_concat;
    if ((!view && !mover) || node.operands.size() != 1) continue;
    const ValueId from = node.operands[0], to = node.results[0];
    if (!(edit.type(from) == edit.type(to)) || !is_identity(node)) continue;
    // What moves data also makes it dense, and keeps what a state was.
    if (mover && (views_state(edit, from) || !uses_accept(edit, to, layout_of(edit, from)))) continue;
    edit.replace_uses(to, from);
    edit.erase(n);
  }
}

}  // namespace

extern const Pass kPass_elide_empty = {
    "elide_empty", "Remove reshapes, slices, permutations, repeats and paddings that change nothing.", true,
    run};

}  // namespace gannet
