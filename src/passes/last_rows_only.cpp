// When only some rows of a result are wanted (the last position's logits, or those that an input names),
// everything in front of it that works row by row is computed for these rows only.
#include <algorithm>

#include "ops/binary/binary.h"
#include "ops/gated_add/gated_add.h"
#include "ops/gather_rows/gather_rows.h"
#include "ops/matmul/matmul.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/rms_scale/rms_scale.h"
#include "ops/routed_experts/routed_experts.h"
#include "ops/router/router.h"
#include "ops/slice/slice.h"
#include "ops/swiglu/swiglu.h"
#include "ops/unary/unary.h"
#include "passes/pass.h"

namespace gannet {
namespace {

bool works_by_row(const Node& node) {
  const OpDef* const ops[] = {&kOp_add,       &kOp_gated_add, &kOp_matmul,         &kOp_mul,    &kOp_rms_norm,
                              &kOp_rms_scale, &kOp_router,    &kOp_routed_experts, &kOp_swiglu, &kOp_unary};
  // Which of the shared heads a row takes depends on its place.
  if (node.op == &kOp_mul && attrs_of<MulAttrs>(node).heads != HeadShare::kSame) return false;
  return std::find(std::begin(ops), std::end(ops), node.op) != std::end(ops);
}

// The operands before the weights.
size_t row_operands(const Node& node) {
  if (node.op == &kOp_matmul || node.op == &kOp_rms_norm) return 1;
  return node.op == &kOp_routed_experts ? 3 : node.operands.size();
}

// Takes some rows: neighbours, or those of an index.
bool is_choice(const Node& node) {
  return node.op == &kOp_gather_rows || (node.op == &kOp_slice && attrs_of<SliceAttrs>(node).axis == 0);
}

bool same_choice(const Node& a, const Node& b) {
  return is_choice(b) && a.op == b.op && a.attrs.raw == b.attrs.raw &&
         std::equal(a.operands.begin() + 1, a.operands.end(), b.operands.begin() + 1, b.operands.end());
}

// Every use of the value is the same choice of rows.
bool only_chosen(const GraphEdit& edit, ValueId id, const Node& choice) {
  if (edit.is_output(id)) return false;
  bool all = true;
  edit.for_uses(id, [&](const GraphEdit::Use& use) {
    const Node& user = edit.node(use.node);
    all = user.operands[0] == id && same_choice(choice, user);
    return all;
  });
  return all;
}

class Mover {
 public:
  explicit Mover(GraphEdit& edit) : edit_(edit) {}

  // `n` chooses rows of the result of a node that works by row: chooses those of its operands instead.
  void move(int n) {
    if (!edit_.alive(n)) return;  // went with another use of the same value
    const ValueId id = edit_.node(n).operands[0];
    const int maker = edit_.producer(id);
    if (maker < 0 || !works_by_row(edit_.node(maker))) return;
    const Node choice = edit_.node(n);
    const Node made = edit_.node(maker);
    for (const ValueId result : made.results)
      if (!only_chosen(edit_, result, choice)) return;
    const int64_t n_rows = edit_.type(id).shape.dim[0];
    std::vector<ValueId> operands;
    std::vector<int> choices;
    for (size_t i = 0; i < made.operands.size(); ++i) {
      const ValueId operand = made.operands[i];
      // Weights and values that all rows share stay whole.
      const bool whole =
          operand == kNoValue || i >= row_operands(made) || edit_.type(operand).shape.dim[0] != n_rows;
      if (whole) {
        operands.push_back(operand);
        continue;
      }
      // One choice per value, however often the value is used; finish() puts it where all its uses follow.
      int chosen = -1;
      edit_.for_uses(operand, [&](const GraphEdit::Use& use) {
        const Node& user = edit_.node(use.node);
        if (chosen < 0 && user.operands[0] == operand && same_choice(choice, user)) chosen = use.node;
      });
      if (chosen < 0) {
        std::vector<ValueId> with = choice.operands;
        with[0] = operand;
        chosen = edit_.insert(maker, *choice.op, with, choice.attrs);
      }
      choices.push_back(chosen);  // one that was there may be able to move now that this use is gone
      operands.push_back(edit_.node(chosen).results[0]);
    }
    const int fresh = edit_.insert(maker, *made.op, operands, made.attrs);
    for (size_t i = 0; i < made.results.size(); ++i)
      for (const GraphEdit::Use& use : edit_.uses(made.results[i])) {
        edit_.replace_uses(edit_.node(use.node).results[0], edit_.node(fresh).results[i]);
        edit_.erase(use.node);
      }
    edit_.erase(maker);
    for (const int c : choices) move(c);
  }

 private:
  GraphEdit& edit_;
};

void run(GraphEdit& edit, PassContext&) {
  Mover mover(edit);
  for (int n = edit.n_nodes() - 1; n >= 0; --n)
    if (edit.alive(n) && is_choice(edit.node(n))) mover.move(n);
}

}  // namespace

extern const Pass kPass_last_rows_only = {
    "last_rows_only", "Compute only the rows that somebody wants: the head for the last position.", false,
    run};

}  // namespace gannet
