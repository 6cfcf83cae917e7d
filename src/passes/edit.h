// Changing a graph in place: who uses a value, replacing uses, inserting and erasing nodes. A pass works
// through one GraphEdit; finish() leaves a graph in a valid order again. Where a pass changed nothing, the
// next one may go on with the same.
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "ir/graph.h"

namespace gannet {

class GraphEdit {
 public:
  explicit GraphEdit(Graph& graph);

  const Graph& graph() const { return graph_; }
  // Nodes when the edit began have indices 0 .. n_nodes()-1, inserted ones follow. Indices stay valid until
  // finish().
  int n_nodes() const { return n_original_; }
  const Node& node(int n) const { return graph_.nodes[static_cast<size_t>(n)]; }
  bool alive(int n) const { return alive_[static_cast<size_t>(n)]; }
  const TensorType& type(ValueId id) const { return graph_.type(id); }
  const Value& value(ValueId id) const { return graph_.values[static_cast<size_t>(id)]; }

  // The node that computes a value; -1 for inputs, parameters and states (and kNoValue).
  int producer(ValueId id) const { return id == kNoValue ? -1 : value(id).node; }
  // The producing node if it is a use of `op`, else -1.
  int producer(ValueId id, const OpDef& op) const;

  struct Use {
    int node;
    int operand;
  };
  // Uses by living nodes, outputs not included; f(Use) may return false to stop. f must not change uses.
  template <class F>
  void for_uses(ValueId id, F f) const {
    for (int32_t slot = first_use_[static_cast<size_t>(id)]; slot >= 0;
         slot = next_use_[static_cast<size_t>(slot)])
      if (!call(f, slots_[static_cast<size_t>(slot)])) return;
  }
  std::vector<Use> uses(ValueId id) const;
  bool is_output(ValueId id) const;
  // True when exactly one node uses the value, once, and it is no output of the graph.
  bool used_once(ValueId id) const;
  bool unused(ValueId id) const { return first_use_[static_cast<size_t>(id)] < 0 && !is_output(id); }

  void set_operand(int node, int operand, ValueId id);
  void set_attrs(int node, const AttrBytes& attrs);
  // Also the graph's outputs.
  void replace_uses(ValueId from, ValueId to);
  void erase(int node);
  // Inputs, parameters and states that nobody uses disappear at finish().
  void drop_unused_values();

  // A new node directly before node `at` (several: in the order of insertion). Illegal uses are bugs of the
  // pass and abort.
  int insert(int at, const OpDef& op, std::span<const ValueId> operands, const AttrBytes& attrs);
  int insert_after(int n, const OpDef& op, std::span<const ValueId> operands, const AttrBytes& attrs);
  template <class A>
  ValueId insert1(int at, const OpDef& op, std::initializer_list<ValueId> operands, const A& attrs) {
    static_assert(sizeof(A) <= kAttrBytes);
    AttrBytes bytes;
    __builtin_memcpy(bytes.raw.data(), &attrs, sizeof(A));
    return node(insert(at, op, std::span(operands.begin(), operands.size()), bytes)).results[0];
  }
  ValueId insert1(int at, const OpDef& op, std::initializer_list<ValueId> operands) {
    return node(insert(at, op, std::span(operands.begin(), operands.size()), {})).results[0];
  }
  // A parameter by name, made when there is none yet.
  ValueId param(const std::string& name, const TensorType& type);

  int changes() const { return changes_; }

  // Puts nodes in a valid order (the old order wherever that is one; uses of a state keep theirs) and drops
  // erased ones and their results (values get new ids). The edit is over.
  void finish();

 private:
  template <class F>
  static bool call(F& f, const Use& use) {
    if constexpr (std::is_void_v<decltype(f(use))>) {
      f(use);
      return true;
    } else {
      return f(use);
    }
  }
  int insert_at(int place, const OpDef& op, std::span<const ValueId> operands, const AttrBytes& attrs);
  void add_slots(int node);
  void unlink(ValueId id, int node, int operand);
  bool in_order(const std::vector<int>& order) const;
  void number_values();
  std::vector<int> sorted(const std::vector<int>& order) const;

  Graph& graph_;
  int n_original_;
  int changes_ = 0;
  bool drop_unused_ = false;
  std::vector<bool> alive_;
  std::vector<int> before_;  // of inserted nodes
  // Uses of a value as a list through operand slots.
  std::vector<int32_t> first_use_;  // by value
  std::vector<int32_t> next_use_;   // by slot
  std::vector<Use> slots_;
  std::vector<int32_t> first_slot_;  // by node
};

// Attribute struct of a node.
template <class A>
const A& attrs_of(const Node& node) {
  return *reinterpret_cast<const A*>(node.attrs.raw.data());
}
template <class A>
AttrBytes attr_bytes(const A& attrs) {
  static_assert(sizeof(A) <= kAttrBytes);
  AttrBytes bytes;
  __builtin_memcpy(bytes.raw.data(), &attrs, sizeof(A));
  return bytes;
}

}  // namespace gannet
