// Transposed copies move down through the ops that can work on either order, until they meet the
// transposition back and both disappear: around a convolution over time, SiLU and a concatenation with the
// old window.
#include <array>
#include <cstring>
#include <optional>

#include "ops/concat/concat.h"
#include "ops/conv1d/conv1d.h"
#include "ops/copy/copy.h"
#include "ops/permute/permute.h"
#include "ops/slice/slice.h"
#include "ops/unary/unary.h"
#include "passes/layout.h"
#include "passes/pass.h"

namespace gannet {
namespace {

// `value` shows `source` with its axes permuted, in memory of its own or not.
struct Permuted {
  ValueId source;
  PermuteAttrs axes;
};

std::optional<Permuted> permuted(const GraphEdit& edit, ValueId id) {
  int n = edit.producer(id);
  if (n >= 0 && edit.node(n).op == &kOp_copy) n = edit.producer(edit.node(n).operands[0]);
  if (n < 0 || edit.node(n).op != &kOp_permute) return {};
  return Permuted{edit.node(n).operands[0], attrs_of<PermuteAttrs>(edit.node(n))};
}

bool swaps_two(const PermuteAttrs& axes) {
  return axes.axis[0] == 1 && axes.axis[1] == 0 && axes.axis[2] == 2;
}

// Only permutations that move the last axis cost: the others leave rows whole, and consumers take their
// strides.
bool moves_rows_apart(const GraphEdit& edit, const Permuted& p) {
  const int last = edit.type(p.source).shape.rank - 1;
  return p.axes.axis[last] != last;
}

class Sinker {
 public:
  explicit Sinker(GraphEdit& edit) : edit_(edit) {}

  void visit(int n) {
    const Node& node = edit_.node(n);
    if (node.op == &kOp_permute) return cancel(n);
    if (node.op == &kOp_concat) return sink_concat(n);
    if (node.op != &kOp_slice && node.op != &kOp_unary && node.op != &kOp_conv1d) return;
    const auto p = permuted(edit_, node.operands[0]);
    if (!p || !moves_rows_apart(edit_, *p)) return;
    if (node.op == &kOp_unary) {
      finish(n, p->axes,
             edit_.node(edit_.insert(n, kOp_unary, std::array{p->source}, node.attrs)).results[0]);
    } else if (node.op == &kOp_slice) {
      SliceAttrs slice = attrs_of<SliceAttrs>(node);
      slice.axis = p->axes.axis[slice.axis];
      finish(n, p->axes, edit_.insert1(n, kOp_slice, {p->source}, slice));
    } else if (swaps_two(p->axes)) {
      const auto& conv = attrs_of<Conv1dAttrs>(node);
      const Conv1dTime turned = conv.time == Conv1dTime::kLast ? Conv1dTime::kFirst : Conv1dTime::kLast;
      const ValueId w = node.operands[1];
      finish(n, p->axes, edit_.insert1(n, kOp_conv1d, {p->source, w}, Conv1dAttrs{turned}));
    }
  }

 private:
  // permute(permute(x)), with or without a copy between them.
  void cancel(int n) {
    const auto inner = permuted(edit_, edit_.node(n).operands[0]);
    if (!inner) return;
    const auto& outer = attrs_of<PermuteAttrs>(edit_.node(n));
    PermuteAttrs both{};
    bool identity = true;
    for (int i = 0; i < kMaxRank; ++i) {
      both.axis[i] = inner->axes.axis[outer.axis[i]];
      identity = identity && both.axis[i] == i;
    }
    const ValueId old = edit_.node(n).results[0], before = edit_.node(n).operands[0];
    if (!identity && edit_.producer(before, kOp_copy) >= 0) return;
    edit_.replace_uses(old, identity ? inner->source : edit_.insert1(n, kOp_permute, {inner->source}, both));
    edit_.erase(n);
    sweep(edit_, before);
  }

  void sink_concat(int n) {
    std::vector<ValueId> sources;
    std::optional<Permuted> first;
    for (const ValueId operand : edit_.node(n).operands) {
      const auto p = permuted(edit_, operand);
      if (!p || !moves_rows_apart(edit_, *p)) return;
      if (!first) first = p;
      if (std::memcmp(&first->axes, &p->axes, sizeof(PermuteAttrs)) != 0) return;
      sources.push_back(p->source);
    }
    ConcatAttrs concat = attrs_of<ConcatAttrs>(edit_.node(n));
    concat.axis = first->axes.axis[concat.axis];
    finish(n, first->axes, edit_.node(edit_.insert(n, kOp_concat, sources, attr_bytes(concat))).results[0]);
  }

  // `value` is what node n gives, before the permutation. Who wants rows gets them from a copy, as before.
  void finish(int n, const PermuteAttrs& axes, ValueId value) {
    const std::vector<ValueId> operands = edit_.node(n).operands;
    const ValueId old = edit_.node(n).results[0];
    ValueId turned = edit_.insert1(n, kOp_permute, {value}, axes);
    if (!uses_accept(edit_, old, layout_of(edit_, turned))) turned = edit_.insert1(n, kOp_copy, {turned});
    edit_.replace_uses(old, turned);
    edit_.erase(n);
    for (const ValueId operand : operands) sweep(edit_, operand);
  }

  GraphEdit& edit_;
};

void run(GraphEdit& edit, PassContext&) {
  Sinker sinker(edit);
  for (int n = 0; n < edit.n_nodes(); ++n)
    if (edit.alive(n)) sinker.visit(n);
}

}  // namespace

extern const Pass kPass_cancel_transposes = {
    "cancel_transposes",
    "Move transposed copies down through ops that work on either order, until they cancel.", false, run};

}  // namespace gannet
