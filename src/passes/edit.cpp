#include "passes/edit.h"

#include <algorithm>
#include <queue>

#include "base/check.h"

namespace gannet {

GraphEdit::GraphEdit(Graph& graph) : graph_(graph), n_original_(static_cast<int>(graph.nodes.size())) {
  alive_.assign(graph.nodes.size(), true);
  first_use_.assign(graph.values.size(), -1);
  size_t n_slots = 0;
  for (const Node& node : graph.nodes) n_slots += node.operands.size();
  next_use_.reserve(n_slots + n_slots / 4);
  slots_.reserve(n_slots + n_slots / 4);
  first_slot_.resize(graph.nodes.size());
  // Backwards, so that the lists run in the order of the nodes.
  for (int n = n_original_ - 1; n >= 0; --n) add_slots(n);
}

void GraphEdit::add_slots(int n) {
  first_slot_[static_cast<size_t>(n)] = static_cast<int32_t>(slots_.size());
  const Node& node = graph_.nodes[static_cast<size_t>(n)];
  for (size_t i = 0; i < node.operands.size(); ++i) {
    const auto slot = static_cast<int32_t>(slots_.size());
    slots_.push_back({n, static_cast<int>(i)});
    next_use_.push_back(-1);
    if (node.operands[i] == kNoValue) continue;
    int32_t& first = first_use_[static_cast<size_t>(node.operands[i])];
    next_use_[static_cast<size_t>(slot)] = first;
    first = slot;
  }
}

int GraphEdit::producer(ValueId id, const OpDef& op) const {
  const int n = producer(id);
  return n >= 0 && node(n).op == &op ? n : -1;
}

std::vector<GraphEdit::Use> GraphEdit::uses(ValueId id) const {
  std::vector<Use> all;
  for_uses(id, [&](const Use& use) { all.push_back(use); });
  return all;
}

bool GraphEdit::is_output(ValueId id) const {
  return std::any_of(graph_.outputs.begin(), graph_.outputs.end(),
                     [&](const GraphOutput& out) { return out.value == id; });
}

bool GraphEdit::used_once(ValueId id) const {
  const int32_t slot = first_use_[static_cast<size_t>(id)];
  return slot >= 0 && next_use_[static_cast<size_t>(slot)] < 0 && !is_output(id);
}

void GraphEdit::unlink(ValueId id, int n, int operand) {
  const int32_t slot = first_slot_[static_cast<size_t>(n)] + operand;
  int32_t* at = &first_use_[static_cast<size_t>(id)];
  while (*at != slot) {
    GANNET_CHECK(*at >= 0);
    at = &next_use_[static_cast<size_t>(*at)];
  }
  *at = next_use_[static_cast<size_t>(slot)];
  next_use_[static_cast<size_t>(slot)] = -1;
}

void GraphEdit::set_operand(int n, int operand, ValueId id) {
  ValueId& at = graph_.nodes[static_cast<size_t>(n)].operands[static_cast<size_t>(operand)];
  if (at == id) return;
  if (at != kNoValue) unlink(at, n, operand);
  at = id;
  if (id != kNoValue) {
    const int32_t slot = first_slot_[static_cast<size_t>(n)] + operand;
    next_use_[static_cast<size_t>(slot)] = first_use_[static_cast<size_t>(id)];
    first_use_[static_cast<size_t>(id)] = slot;
  }
  ++changes_;
}

void GraphEdit::set_attrs(int n, const AttrBytes& attrs) {
  graph_.nodes[static_cast<size_t>(n)].attrs = attrs;
  ++changes_;
}

void GraphEdit::replace_uses(ValueId from, ValueId to) {
  if (from == to) return;
  int32_t& source = first_use_[static_cast<size_t>(from)];
  int32_t* end = &source;
  while (*end >= 0) {
    const Use& use = slots_[static_cast<size_t>(*end)];
    graph_.nodes[static_cast<size_t>(use.node)].operands[static_cast<size_t>(use.operand)] = to;
    end = &next_use_[static_cast<size_t>(*end)];
  }
  *end = first_use_[static_cast<size_t>(to)];
  first_use_[static_cast<size_t>(to)] = source;
  source = -1;
  for (GraphOutput& out : graph_.outputs)
    if (out.value == from) out.value = to;
  ++changes_;
}

void GraphEdit::erase(int n) {
  GANNET_CHECK(alive(n));
  const Node& node = graph_.nodes[static_cast<size_t>(n)];
  for (size_t i = 0; i < node.operands.size(); ++i)
    if (node.operands[i] != kNoValue) unlink(node.operands[i], n, static_cast<int>(i));
  alive_[static_cast<size_t>(n)] = false;
  ++changes_;
}

// Before an inserted node means before what that one was inserted before.
int GraphEdit::insert(int at, const OpDef& op, std::span<const ValueId> operands, const AttrBytes& attrs) {
  return insert_at(at < n_original_ ? at : before_[static_cast<size_t>(at - n_original_)], op, operands,
                   attrs);
}

int GraphEdit::insert_after(int n, const OpDef& op, std::span<const ValueId> operands,
                            const AttrBytes& attrs) {
  return insert_at(n < n_original_ ? n + 1 : before_[static_cast<size_t>(n - n_original_)], op, operands,
                   attrs);
}

int GraphEdit::insert_at(int place, const OpDef& op, std::span<const ValueId> operands,
                         const AttrBytes& attrs) {
  Node node;
  node.op = &op;
  node.operands.assign(operands.begin(), operands.end());
  node.attrs = attrs;
  const Graph::Site s = graph_.site(node);
  auto types = op.infer(s.site);
  if (!types.ok()) GANNET_CHECK(false, types.error().message().c_str());
  const int n = static_cast<int>(graph_.nodes.size());
  for (const TensorType& type : *types) {
    node.results.push_back(static_cast<ValueId>(graph_.values.size()));
    graph_.values.push_back({type, ValueKind::kResult, {}, n});
    first_use_.push_back(-1);
  }
  graph_.nodes.push_back(std::move(node));
  alive_.push_back(true);
  first_slot_.push_back(0);
  add_slots(n);
  before_.push_back(place);
  ++changes_;
  return n;
}

ValueId GraphEdit::param(const std::string& name, const TensorType& type) {
  for (size_t i = 0; i < graph_.values.size(); ++i)
    if (graph_.values[i].kind == ValueKind::kParam && graph_.values[i].name == name)
      return static_cast<ValueId>(i);
  graph_.values.push_back({type, ValueKind::kParam, name, -1});
  first_use_.push_back(-1);
  return static_cast<ValueId>(graph_.values.size()) - 1;
}

bool GraphEdit::in_order(const std::vector<int>& order) const {
  std::vector<bool> done(graph_.nodes.size());
  for (const int n : order) {
    for (const ValueId id : node(n).operands) {
      const int p = producer(id);
      if (p >= 0 && !done[static_cast<size_t>(p)]) return false;
    }
    done[static_cast<size_t>(n)] = true;
  }
  return true;
}

// Kahn's algorithm, always the earliest ready node of the old order; users of a state wait for its users
// before them.
std::vector<int> GraphEdit::sorted(const std::vector<int>& order) const {
  std::vector<int> rank(graph_.nodes.size(), -1), waits(graph_.nodes.size(), 0);
  std::vector<std::vector<int>> followers(graph_.nodes.size());
  std::vector<int> last_user(graph_.values.size(), -1);
  for (size_t i = 0; i < order.size(); ++i) rank[static_cast<size_t>(order[i])] = static_cast<int>(i);
  const auto edge = [&](int from, int to) {
    followers[static_cast<size_t>(from)].push_back(to);
    ++waits[static_cast<size_t>(to)];
  };
  for (const int n : order)
    for (const ValueId id : node(n).operands) {
      if (id == kNoValue) continue;
      if (const int p = producer(id); p >= 0) edge(p, n);
      if (value(id).kind != ValueKind::kState) continue;
      int& last = last_user[static_cast<size_t>(id)];
      if (last >= 0 && last != n) edge(last, n);
      last = n;
    }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (const int n : order)
    if (waits[static_cast<size_t>(n)] == 0) ready.push(rank[static_cast<size_t>(n)]);
  std::vector<int> result;
  while (!ready.empty()) {
    const int n = order[static_cast<size_t>(ready.top())];
    ready.pop();
    result.push_back(n);
    for (const int f : followers[static_cast<size_t>(n)])
      if (--waits[static_cast<size_t>(f)] == 0) ready.push(rank[static_cast<size_t>(f)]);
  }
  GANNET_CHECK(result.size() == order.size(), "a pass made a cycle");
  return result;
}

void GraphEdit::drop_unused_values() {
  for (size_t i = 0; i < graph_.values.size(); ++i) {
    if (graph_.values[i].kind == ValueKind::kResult || !unused(static_cast<ValueId>(i))) continue;
    drop_unused_ = true;
    ++changes_;
  }
}

void GraphEdit::finish() {
  if (changes_ == 0) return;
  std::vector<int> order;
  order.reserve(graph_.nodes.size());
  std::vector<std::pair<int, int>> inserted;  // (before, node)
  for (size_t i = 0; i < before_.size(); ++i)
    inserted.emplace_back(before_[i], n_original_ + static_cast<int>(i));
  std::stable_sort(inserted.begin(), inserted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  size_t next = 0;
  for (int n = 0; n < n_original_; ++n) {
    for (; next < inserted.size() && inserted[next].first <= n; ++next)
      if (alive(inserted[next].second)) order.push_back(inserted[next].second);
    if (alive(n)) order.push_back(n);
  }
  for (; next < inserted.size(); ++next)
    if (alive(inserted[next].second)) order.push_back(inserted[next].second);
  if (!in_order(order)) order = sorted(order);

  std::vector<Node> nodes;
  nodes.reserve(order.size());
  for (const int n : order) nodes.push_back(std::move(graph_.nodes[static_cast<size_t>(n)]));
  graph_.nodes = std::move(nodes);
  number_values();
}

// Results of erased nodes go; so do, when asked for, inputs, parameters and states that nobody uses.
void GraphEdit::number_values() {
  std::vector<bool> live(graph_.values.size(), false);
  for (const Node& node : graph_.nodes) {
    for (const ValueId id : node.results) live[static_cast<size_t>(id)] = true;
    for (const ValueId id : node.operands)
      if (id != kNoValue) live[static_cast<size_t>(id)] = true;
  }
  for (const GraphOutput& out : graph_.outputs) live[static_cast<size_t>(out.value)] = true;
  std::vector<ValueId> renamed(graph_.values.size(), kNoValue);
  size_t kept = 0;
  for (size_t i = 0; i < graph_.values.size(); ++i) {
    const bool named = graph_.values[i].kind != ValueKind::kResult;
    if (!live[i] && (!named || drop_unused_)) continue;
    renamed[i] = static_cast<ValueId>(kept);
    if (kept != i) graph_.values[kept] = std::move(graph_.values[i]);
    ++kept;
  }
  graph_.values.resize(kept);
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    Node& node = graph_.nodes[n];
    for (ValueId& id : node.operands)
      if (id != kNoValue) id = renamed[static_cast<size_t>(id)];
    for (ValueId& id : node.results) {
      id = renamed[static_cast<size_t>(id)];
      graph_.values[static_cast<size_t>(id)].node = static_cast<int32_t>(n);
    }
  }
  for (GraphOutput& out : graph_.outputs) out.value = renamed[static_cast<size_t>(out.value)];
}

}  // namespace gannet
