// Mask tensors become rules about indices: a product with a triangle of ones is a triangular part, the
// identity matrix in front of a triangular solve is "diagonal one", and the causal mask of a softmax is what
// the KV cache knows about positions anyway. (A softmax that knows its columns adds them up in another order
// than one that goes over masked ones.)
#include "ops/binary/binary.h"
#include "ops/bmm/bmm.h"
#include "ops/kv_read/kv_read.h"
#include "ops/reshape/reshape.h"
#include "ops/softmax/softmax.h"
#include "ops/solve_tri/solve_tri.h"
#include "ops/tri/tri.h"
#include "passes/layout.h"
#include "passes/pass.h"

namespace gannet {
namespace {

// What a value holds if it is an input, perhaps with axes of 1 in front; else kGiven.
InputSource input_source(const GraphEdit& edit, ValueId id) {
  if (id == kNoValue) return InputSource::kGiven;
  const auto is_matrix_of = [](const Shape& a, const Shape& b) {
    return a.rank >= 2 && b.rank >= 2 && a.last() == b.last() &&
           a.dim[a.rank - 2] == b.dim[b.rank - 2];  // a reshape keeps the number of elements
  };
  const Shape& shape = edit.type(id).shape;
  while (edit.producer(id, kOp_reshape) >= 0) id = edit.node(edit.producer(id)).operands[0];
  const Value& v = edit.value(id);
  return v.kind == ValueKind::kInput && is_matrix_of(shape, v.type.shape) ? v.source : InputSource::kGiven;
}

void rewrite_product(GraphEdit& edit, int n) {
  for (const int side : {1, 0}) {
    const InputSource source = input_source(edit, edit.node(n).operands[static_cast<size_t>(side)]);
    const bool lower = source == InputSource::kLower, strict = source == InputSource::kStrict;
    if (!lower && !strict) continue;
    const ValueId x = edit.node(n).operands[static_cast<size_t>(1 - side)], y = edit.node(n).results[0];
    if (!(edit.type(x) == edit.type(y))) return;
    const ValueId mask = edit.node(n).operands[static_cast<size_t>(side)];
    edit.replace_uses(y, edit.insert1(n, kOp_tri, {x}, TriAttrs{lower ? TriKeep::kLower : TriKeep::kStrict}));
    edit.erase(n);
    sweep(edit, mask);
    return;
  }
}

void rewrite_solve(GraphEdit& edit, int n) {
  const ValueId l = edit.node(n).operands[0], b = edit.node(n).operands[1];
  if (b != kNoValue && input_source(edit, b) == InputSource::kEye) {
    edit.set_operand(n, 1, kNoValue);
    sweep(edit, b);
  }
  const int sum = edit.producer(l, kOp_add);
  if (sum < 0 || input_source(edit, edit.node(sum).operands[1]) != InputSource::kEye) return;
  // Only on a diagonal of zeros does the identity make ones.
  const int below = edit.producer(edit.node(sum).operands[0], kOp_tri);
  if (below < 0 || attrs_of<TriAttrs>(edit.node(below)).keep != TriKeep::kStrict) return;
  edit.set_operand(n, 0, edit.node(sum).operands[0]);
  edit.set_attrs(n, attr_bytes(SolveTriAttrs{SolveDiagonal::kOne}));
  sweep(edit, l);
}

// The cache whose keys the scores were made with.
ValueId kv_of_scores(const GraphEdit& edit, ValueId scores) {
  for (int n = edit.producer(scores); n >= 0; n = edit.producer(scores)) {
    const Node& node = edit.node(n);
    if (node.op == &kOp_kv_read) return node.operands[0];
    if (node.operands.empty()) return kNoValue;
    scores = node.op == &kOp_bmm ? node.operands[1] : node.operands[0];
  }
  return kNoValue;
}

void rewrite_softmax(GraphEdit& edit, int n) {
  const ValueId mask = edit.node(n).operands[1];
  if (mask == kNoValue || input_source(edit, mask) != InputSource::kCausalMask) return;
  const ValueId kv = kv_of_scores(edit, edit.node(n).operands[0]);
  if (kv == kNoValue) return;
  edit.set_operand(n, 1, kNoValue);
  edit.set_operand(n, 2, kv);
}

void run(GraphEdit& edit, PassContext&) {
  for (int n = 0; n < edit.n_nodes(); ++n) {
    if (!edit.alive(n)) continue;
    if (edit.node(n).op == &kOp_mul)
      rewrite_product(edit, n);
    else if (edit.node(n).op == &kOp_solve_tri)
      rewrite_solve(edit, n);
    else if (edit.node(n).op == &kOp_softmax)
      rewrite_softmax(edit, n);
  }
}

}  // namespace

extern const Pass kPass_mask_predicates = {"mask_predicates", "Replace mask tensors by rules about indices.",
                                           false, run};

}  // namespace gannet
