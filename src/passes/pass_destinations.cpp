// State is read where it lies and written where it belongs: no gather in front of a run, no write-back behind
// it.
#include <algorithm>

#include "ops/state_read/state_read.h"
#include "ops/state_view/state_view.h"
#include "ops/state_write/state_write.h"
#include "passes/layout.h"
#include "passes/pass.h"

namespace gannet {
namespace {

// The last node that reads `id`, views of it included; -1 when nobody does. `direct`: whether that node takes
// the value itself, as operand 0.
int last_reader(const GraphEdit& edit, ValueId id, bool& direct, bool through_view = false) {
  int last = -1;
  edit.for_uses(id, [&](const GraphEdit::Use& use) {
    bool is_direct = use.operand == 0 && !through_view;
    int reader = use.node;
    if (edit.node(use.node).op->view != nullptr)
      reader = last_reader(edit, edit.node(use.node).results[0], is_direct, through_view);
    if (reader > last || (reader == last && !is_direct)) direct = is_direct;
    last = std::max(last, reader);
  });
  return last;
}

ValueId storage_of(const GraphEdit& edit, ValueId id) {
  for (int n = edit.producer(id); n >= 0 && edit.node(n).op->view != nullptr; n = edit.producer(id))
    id = edit.node(n).operands[0];
  return id;
}

// The value that `write` stores can be computed in the state's memory: it is a step's only and dense result
// that nobody else places, and the old state is not read after it exists.
bool can_place(const GraphEdit& edit, int write, int last_read, bool last_read_direct) {
  const ValueId stored = edit.node(write).operands[1], storage = storage_of(edit, stored);
  const int maker = edit.producer(storage);
  if (maker < 0 || edit.is_output(storage) || edit.node(maker).results.size() != 1 ||
      type_bytes(edit.type(storage)) != type_bytes(edit.type(stored)))
    return false;
  return last_read < maker || (last_read == maker && last_read_direct && edit.node(maker).op->elementwise);
}

void run(GraphEdit& edit, PassContext&) {
  for (int n = 0; n < edit.n_nodes(); ++n) {
    if (edit.node(n).op != &kOp_state_read) continue;
    const ValueId state = edit.node(n).operands[0];
    int write = -1, users = 0;
    edit.for_uses(state, [&](const GraphEdit::Use& use) {
      ++users;
      if (edit.node(use.node).op == &kOp_state_write) write = use.node;
    });
    bool direct = false;
    const int last = last_reader(edit, edit.node(n).results[0], direct);
    if (users != 2 || write < 0 || last >= write) continue;
    const ValueId view = edit.insert1(n, kOp_state_view, {state});
    edit.replace_uses(edit.node(n).results[0], view);
    edit.erase(n);
    if (can_place(edit, write, last, direct))
      edit.set_attrs(write, attr_bytes(StateWriteAttrs{StatePlace::kDirect}));
  }
}

}  // namespace

extern const Pass kPass_pass_destinations = {
    "pass_destinations", "Read recurrent state in place and compute the new one in its place.", true, run};

}  // namespace gannet
