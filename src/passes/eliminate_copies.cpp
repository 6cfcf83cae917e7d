// A copy exists because somebody wanted dense memory. Where every consumer takes the strides that the value
// has (operands say what they take: Access), the copy goes and the consumers read the original.
#include "ops/copy/copy.h"
#include "passes/layout.h"
#include "passes/pass.h"

namespace gannet {
namespace {

void run(GraphEdit& edit, PassContext&) {
  for (int n = 0; n < edit.n_nodes(); ++n) {
    if (edit.node(n).op != &kOp_copy) continue;
    const ValueId from = edit.node(n).operands[0], to = edit.node(n).results[0];
    // The state may change between the copy and its uses.
    if (views_state(edit, from) || !uses_accept(edit, to, layout_of(edit, from))) continue;
    edit.replace_uses(to, from);
    edit.erase(n);
  }
}

}  // namespace

extern const Pass kPass_eliminate_copies = {
    "eliminate_copies", "Let consumers read strided memory where it is instead of a dense copy of it.", true,
    run};

}  // namespace gannet
