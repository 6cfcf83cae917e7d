// The published chunked delta rule computes inside its loop over chunks what does not depend on the state
// that the loop carries. In the unrolled graph these are n equal nodes on slice 0 .. n-1 of the same values:
// they become one node on the whole values, and slices of its result.
#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>

#include "ops/binary/binary.h"
#include "ops/bmm/bmm.h"
#include "ops/copy/copy.h"
#include "ops/permute/permute.h"
#include "ops/reshape/reshape.h"
#include "ops/scale/scale.h"
#include "ops/slice/slice.h"
#include "ops/tri/tri.h"
#include "ops/unary/unary.h"
#include "passes/layout.h"
#include "passes/pass.h"

namespace gannet {
namespace {

constexpr int kChunkAxis = 1;

// Value = slice `index` of `whole` along the chunk axis.
struct Lane {
  ValueId whole;
  int64_t index;
};

std::optional<Lane> lane_of(const GraphEdit& edit, ValueId id) {
  const int n = edit.producer(id, kOp_slice);
  if (n < 0) return {};
  const auto& slice = attrs_of<SliceAttrs>(edit.node(n));
  const ValueId whole = edit.node(n).operands[0];
  const Shape& shape = edit.type(whole).shape;
  if (slice.axis != kChunkAxis || slice.length != 1 || shape.rank < 3 || shape.dim[kChunkAxis] < 2) return {};
  return Lane{whole, slice.start};
}

// Ops that treat each entry of the chunk axis by itself; their attributes for all entries at once.
std::optional<AttrBytes> batched_attrs(const Node& node, int64_t n_chunks) {
  const OpDef* op = node.op;
  if (op == &kOp_add || op == &kOp_sub || op == &kOp_mul || op == &kOp_div || op == &kOp_unary ||
      op == &kOp_scale || op == &kOp_bmm || op == &kOp_tri || op == &kOp_copy)
    return node.attrs;
  if (op == &kOp_slice && attrs_of<SliceAttrs>(node).axis > kChunkAxis) return node.attrs;
  if (op == &kOp_permute) {
    const auto& axes = attrs_of<PermuteAttrs>(node);
    if (axes.axis[0] == 0 && axes.axis[1] == 1) return node.attrs;
  }
  if (op == &kOp_reshape) {
    auto reshape = attrs_of<ReshapeAttrs>(node);
    if (reshape.rank < 2 || reshape.dim[kChunkAxis] != 1) return {};
    reshape.dim[kChunkAxis] = n_chunks;
    return attr_bytes(reshape);
  }
  return {};
}

// Equal nodes but for the chunk have equal keys: op, attributes, and per operand the whole value or the value
// that all chunks share.
using Key = std::vector<int64_t>;

struct Group {
  std::vector<int> nodes;  // by chunk; -1: not seen
  int found = 0;
  std::vector<ValueId> operands;
  AttrBytes attrs;
};

// Chunks of one result lie apart; whoever reads the result of a step was given dense memory. (Views of a
// chunk lie as far apart as before.)
bool may_lie_apart(const GraphEdit& edit, int n, int64_t n_chunks) {
  const Node& node = edit.node(n);
  if (node.op->view != nullptr) return true;
  const TensorType& type = edit.type(node.results[0]);
  TensorView chunk = contiguous_view(nullptr, type.dtype, type.shape);
  chunk.stride[0] *= n_chunks;
  return uses_accept(edit, node.results[0], chunk);
}

bool collect(const GraphEdit& edit, int n, std::map<Key, Group>& groups) {
  const Node& node = edit.node(n);
  if (node.results.size() != 1 || edit.type(node.results[0]).shape.rank < 3) return false;
  Key key{static_cast<int64_t>(reinterpret_cast<intptr_t>(node.op))};
  std::vector<ValueId> operands;
  int64_t index = -1, n_chunks = 0;
  for (const ValueId id : node.operands) {
    if (id == kNoValue) return false;
    if (const auto lane = lane_of(edit, id)) {
      if (index >= 0 && index != lane->index) return false;
      if (n_chunks != 0 && n_chunks != edit.type(lane->whole).shape.dim[kChunkAxis]) return false;
      index = lane->index;
      n_chunks = edit.type(lane->whole).shape.dim[kChunkAxis];
      operands.push_back(lane->whole);
    } else {
      // The same for all chunks: broadcast along the chunk axis.
      const Shape& shape = edit.type(id).shape;
      if (node.op == &kOp_bmm || shape.rank < 3 || shape.dim[0] != 1 || shape.dim[kChunkAxis] != 1)
        return false;
      operands.push_back(id);
    }
  }
  if (index < 0) return false;
  if (node.op == &kOp_reshape &&
      edit.type(operands[0]).shape.dim[0] != edit.type(node.results[0]).shape.dim[0])
    return false;
  const auto attrs = batched_attrs(node, n_chunks);
  if (!attrs || !may_lie_apart(edit, n, n_chunks)) return false;
  for (const ValueId id : operands) key.push_back(id);
  for (const AttrDef& def : node.op->attrs) {
    int64_t bits = 0;
    std::memcpy(&bits, node.attrs.raw.data() + def.offset, def.kind == AttrKind::kInt ? 8 : 4);
    key.push_back(bits);
  }
  Group& group = groups[key];
  group.nodes.resize(static_cast<size_t>(n_chunks), -1);
  if (group.nodes[static_cast<size_t>(index)] >= 0) return false;
  group.nodes[static_cast<size_t>(index)] = n;
  group.operands = operands;
  group.attrs = *attrs;
  return ++group.found == n_chunks;
}

void run(GraphEdit& edit, PassContext&) {
  bool found = true;
  while (found) {
    found = false;
    std::map<Key, Group> groups;
    const int n_nodes = static_cast<int>(edit.graph().nodes.size());
    for (int n = 0; n < n_nodes; ++n) {
      if (edit.alive(n)) collect(edit, n, groups);
    }
    // By their first nodes: the keys hold addresses, and the result must not depend on those.
    std::map<int, const Group*> complete;
    for (const auto& [key, group] : groups)
      if (group.found == static_cast<int>(group.nodes.size()))
        complete[*std::min_element(group.nodes.begin(), group.nodes.end())] = &group;
    for (const auto& [first, found_group] : complete) {
      const Group& group = *found_group;
      const OpDef& op = *edit.node(first).op;
      const ValueId whole = edit.node(edit.insert(first, op, group.operands, group.attrs)).results[0];
      for (size_t i = 0; i < group.nodes.size(); ++i) {
        const int n = group.nodes[i];
        const std::vector<ValueId> operands = edit.node(n).operands;
        edit.replace_uses(
            edit.node(n).results[0],
            edit.insert1(first, kOp_slice, {whole}, SliceAttrs{kChunkAxis, static_cast<int64_t>(i), 1}));
        edit.erase(n);
        for (const ValueId operand : operands) sweep(edit, operand);
      }
      found = true;
    }
  }
}

}  // namespace

extern const Pass kPass_hoist_chunk_invariants = {
    "hoist_chunk_invariants",
    "Compute once for all chunks of the delta rule what does not depend on the carried state.", true, run};

}  // namespace gannet
