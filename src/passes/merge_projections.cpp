// Projections of the same activations become one step over all their weight matrices: q|k|v, q|k|v|z with
// beta and alpha, gate|up, router with the shared expert. The matrices stay where the file's mapping has
// them, of whatever types; the step walks over all their rows, and the results lie side by side.
#include <map>

#include "ops/linear/linear.h"
#include "ops/slice/slice.h"
#include "passes/layout.h"
#include "passes/pass.h"

namespace gannet {
namespace {

// Slices of the merged result are strided when there are several tokens.
bool may_be_strided(const GraphEdit& edit, int n, int64_t total) {
  const ValueId y = edit.node(n).results[0];
  TensorView rows = contiguous_view(nullptr, DType::kF32, edit.type(y).shape);
  if (rows.shape.dim[0] > 1) rows.stride[0] = total * static_cast<int64_t>(sizeof(float));
  return uses_accept(edit, y, rows);
}

void merge(GraphEdit& edit, const std::vector<int>& group) {
  int64_t total = 0;
  for (const int n : group) total += edit.type(edit.node(n).results[0]).shape.dim[1];
  std::vector<int> taken;
  for (const int n : group)
    if (may_be_strided(edit, n, total)) taken.push_back(n);
  if (taken.size() < 2) return;
  std::vector<ValueId> operands = {edit.node(taken[0]).operands[0], kNoValue, kNoValue};
  for (const int n : taken) {
    const Node& node = edit.node(n);
    if (node.operands[1] != kNoValue) operands[1] = node.operands[1];
    operands.insert(operands.end(), node.operands.begin() + 3, node.operands.end());
  }
  // Everything the step needs is there by its last member; its users come later.
  const int at = taken.back();
  const ValueId merged = edit.node(edit.insert(at, kOp_linear, operands, {})).results[0];
  int64_t start = 0;
  for (const int n : taken) {
    const ValueId y = edit.node(n).results[0];
    const int64_t width = edit.type(y).shape.dim[1];
    edit.replace_uses(y, edit.insert1(at, kOp_slice, {merged}, SliceAttrs{1, start, width}));
    start += width;
    edit.erase(n);
  }
}

void run(GraphEdit& edit, PassContext&) {
  std::map<ValueId, std::vector<int>> by_input;
  for (int n = 0; n < edit.n_nodes(); ++n) {
    const Node& node = edit.node(n);
    if (node.op == &kOp_linear && node.operands[2] == kNoValue) by_input[node.operands[0]].push_back(n);
  }
  for (const auto& [x, group] : by_input)
    if (group.size() > 1) merge(edit, group);
}

}  // namespace

extern const Pass kPass_merge_projections = {
    "merge_projections", "Compute all projections of the same activations in one step.", true, run};

}  // namespace gannet
