// Key heads that several value or query heads share are not repeated in memory. The repeat moves down through
// ops that work row by row until it meets a product, and becomes that product's `heads` attribute.
#include <array>
#include <optional>

#include "ops/binary/binary.h"
#include "ops/bmm/bmm.h"
#include "ops/copy/copy.h"
#include "ops/l2_norm/l2_norm.h"
#include "ops/pad/pad.h"
#include "ops/permute/permute.h"
#include "ops/repeat/repeat.h"
#include "ops/reshape/reshape.h"
#include "ops/rms_scale/rms_scale.h"
#include "ops/scale/scale.h"
#include "ops/slice/slice.h"
#include "ops/unary/unary.h"
#include "passes/layout.h"
#include "passes/pass.h"

namespace gannet {
namespace {

class Sinker {
 public:
  explicit Sinker(GraphEdit& edit) : edit_(edit) {}

  void run() {
    for (int n = 0; n < edit_.n_nodes(); ++n)
      if (edit_.alive(n) && edit_.node(n).op == &kOp_repeat) pending_.push_back(n);
    // Last come, first served: a repeat that moved down goes on before the next one starts, but both operands
    // of a product have to arrive there, so products wait until everything else has moved.
    for (size_t i = 0; i < pending_.size(); ++i) sink(pending_[i]);
    for (const int n : pending_)
      if (edit_.alive(n)) absorb(n);
  }

 private:
  // Moves the repeat below each user that works row by row.
  void sink(int n) {
    if (!edit_.alive(n)) return;
    const RepeatAttrs r = attrs_of<RepeatAttrs>(edit_.node(n));
    const ValueId few = edit_.node(n).operands[0], many = edit_.node(n).results[0];
    for (const GraphEdit::Use& use : edit_.uses(many)) {
      RepeatAttrs below = r;
      const auto moved = move(use, few, below);
      if (!moved) continue;
      const int repeat = edit_.insert(use.node, kOp_repeat, std::array{*moved}, attr_bytes(below));
      edit_.replace_uses(edit_.node(use.node).results[0], edit_.node(repeat).results[0]);
      edit_.erase(use.node);
      pending_.push_back(repeat);
    }
    sweep(edit_, many);
  }

  // The user's result for the value before the repeat; `r` becomes the repeat that is left to do.
  std::optional<ValueId> move(const GraphEdit::Use& use, ValueId few, RepeatAttrs& r) {
    const Node& user = edit_.node(use.node);
    const Shape before = edit_.type(few).shape;
    const auto same = [&](const AttrBytes& attrs) {
      return edit_.node(edit_.insert(use.node, *user.op, std::array{few}, attrs)).results[0];
    };
    if (r.axis == before.rank - 1) return {};
    if (user.op == &kOp_l2_norm || user.op == &kOp_rms_scale || user.op == &kOp_scale ||
        user.op == &kOp_unary || user.op == &kOp_copy)
      return same(user.attrs);
    if (user.op == &kOp_pad && attrs_of<PadAttrs>(user).axis != r.axis) return same(user.attrs);
    if (user.op == &kOp_slice && attrs_of<SliceAttrs>(user).axis != r.axis) return same(user.attrs);
    if (user.op == &kOp_permute) {
      const auto& axes = attrs_of<PermuteAttrs>(user);
      for (int i = 0; i < before.rank; ++i) {
        if (axes.axis[i] != r.axis) continue;
        r.axis = i;
        return i == before.rank - 1 ? std::nullopt : std::optional(same(user.attrs));
      }
    }
    if (user.op == &kOp_reshape) return move_reshape(use, few, r);
    // A product with one factor per row, or with a value that all heads share.
    if (user.op == &kOp_mul && use.operand == 0 && attrs_of<MulAttrs>(user).heads == HeadShare::kSame) {
      const ValueId other = user.operands[1];
      if (other == user.operands[0] || edit_.type(other).shape.dim[r.axis] != 1) return {};
      return edit_.node(edit_.insert(use.node, kOp_mul, std::array{few, other}, user.attrs)).results[0];
    }
    return {};
  }

  std::optional<ValueId> move_reshape(const GraphEdit::Use& use, ValueId few, RepeatAttrs& r) {
    const Node& user = edit_.node(use.node);
    const Shape before = edit_.type(few).shape, after = edit_.type(user.results[0]).shape;
    int64_t outer = 1;
    for (int i = 0; i < r.axis; ++i) outer *= before.dim[i];
    int64_t reached = 1;
    for (int i = 0; i + 1 < after.rank; reached *= after.dim[i], ++i) {
      if (reached != outer || after.dim[i] != before.dim[r.axis] * r.times) continue;
      ReshapeAttrs reshape = attrs_of<ReshapeAttrs>(user);
      reshape.dim[i] = before.dim[r.axis];
      r.axis = i;
      return edit_.insert1(use.node, kOp_reshape, {few}, reshape);
    }
    return {};
  }

  // Products along the head axis take the few heads as they are.
  void absorb(int n) {
    const RepeatAttrs r = attrs_of<RepeatAttrs>(edit_.node(n));
    if (r.axis != 0) return;
    const ValueId few = edit_.node(n).operands[0], many = edit_.node(n).results[0];
    const bool tiled = r.kind == RepeatKind::kTile;
    for (const GraphEdit::Use& use : edit_.uses(many)) {
      const Node& user = edit_.node(use.node);
      if (user.operands.size() != 2 || user.operands[0] == user.operands[1]) continue;
      const ValueId other = user.operands[static_cast<size_t>(1 - use.operand)];
      if (edit_.type(other).shape.dim[0] != edit_.type(many).shape.dim[0]) continue;
      AttrBytes attrs;
      if (user.op == &kOp_mul && attrs_of<MulAttrs>(user).heads == HeadShare::kSame) {
        attrs = attr_bytes(MulAttrs{tiled ? HeadShare::kTiled : HeadShare::kGrouped});
      } else if (user.op == &kOp_bmm && attrs_of<BmmAttrs>(user).heads == HeadShare::kSame) {
        attrs =
            attr_bytes(BmmAttrs{attrs_of<BmmAttrs>(user).b, tiled ? HeadShare::kTiled : HeadShare::kGrouped});
      } else {
        continue;
      }
      edit_.set_attrs(use.node, attrs);
      edit_.set_operand(use.node, use.operand, few);
    }
    sweep(edit_, many);
  }

  GraphEdit& edit_;
  std::vector<int> pending_;
};

void run(GraphEdit& edit, PassContext&) {
  Sinker(edit).run();
}

}  // namespace

extern const Pass kPass_broadcast_repeats = {
    "broadcast_repeats", "Let products share key heads instead of repeating the heads in memory.", true, run};

}  // namespace gannet
