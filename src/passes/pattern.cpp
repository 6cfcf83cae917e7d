#include "passes/pattern.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include <fmt/core.h>

#include "ops/scale/scale.h"
#include "passes/lower.h"

namespace gannet {
namespace {

// No op's decomposition scales by it.
constexpr float kUserFactor = 0x1.8p-113f;

int64_t attr_size(AttrKind kind) {
  return kind == AttrKind::kInt ? 8 : 4;
}

bool same_attr(const AttrDef& def, const AttrBytes& a, const AttrBytes& b) {
  return std::memcmp(a.raw.data() + def.offset, b.raw.data() + def.offset,
                     static_cast<size_t>(attr_size(def.kind))) == 0;
}

// Uses of `op` with this result have patterns of one structure.
TensorType structure_key(const OpDef& op, TensorType result) {
  for (int axis = op.structural_axes; axis < result.shape.rank; ++axis) {
    int64_t& n = result.shape.dim[axis];
    if (n > 2) n = 3 + n % 2;
  }
  return result;
}

// Adds the decomposition of a use whose operands are inputs and states of the builder's graph ("operand 0",
// ...), and returns its results: none when the use is illegal or primitive. `ids` gets the operands.
std::vector<ValueId> decomposed(GraphBuilder& builder, const OpDef& op,
                                const std::vector<TensorType>& operands, const AttrBytes& attrs,
                                const DecomposeContext& context, std::vector<ValueId>& ids) {
  for (const TensorType& type : operands) {
    const std::string name = "operand " + std::to_string(ids.size());
    const bool state = type.dtype == DType::kKvCache || type.dtype == DType::kRecurrent;
    ids.push_back(type.shape.rank == 0 ? kNoValue
                  : state              ? builder.state(name, type)
                                       : builder.input(name, type));
  }
  OpSite site{operands.data(), static_cast<int>(operands.size()), nullptr, 0, attrs.raw.data()};
  const auto types = op.infer(site);
  if (!types.ok()) return {};
  site.results = types.value().data();
  site.n_results = static_cast<int>(types.value().size());
  return op.decompose(builder, site, ids, context);
}

// Whether two values that no node computes hold the same. A given input may hold anything.
bool same_content(const Value& a, const Value& b) {
  if (a.kind != b.kind) return false;
  return a.kind == ValueKind::kInput ? a.source == b.source && a.source != InputSource::kGiven
                                     : a.name == b.name;
}

// Lays a pattern over a graph. Values and nodes of the pattern get their counterparts; a failed try is
// undone.
class Matcher {
 public:
  Matcher(const GraphEdit& edit, const Pattern& pattern, bool exact)
      : edit_(edit), p_(pattern), exact_(exact) {
    values_.assign(p_.graph.values.size(), kNoValue);
    nodes_.assign(p_.graph.nodes.size(), -1);
    is_operand_.assign(p_.graph.values.size(), false);
    for (const ValueId id : p_.operands)
      if (id != kNoValue) is_operand_[static_cast<size_t>(id)] = true;
  }

  // True when the whole pattern lies over the graph with its first result at `result`.
  bool run(ValueId result) { return bind_value(p_.results[0], result) && extend(); }

  ValueId value(ValueId pattern) const { return values_[static_cast<size_t>(pattern)]; }
  int node(int pattern) const { return nodes_[static_cast<size_t>(pattern)]; }

 private:
  bool bind_value(ValueId pv, ValueId gv) {
    if (pv == kNoValue || gv == kNoValue) return pv == gv;
    ValueId& bound = values_[static_cast<size_t>(pv)];
    if (bound != kNoValue) return bound == gv;
    const Value& a = p_.graph.values[static_cast<size_t>(pv)];
    const Value& b = edit_.value(gv);
    if (a.type.dtype != b.type.dtype && !(is_operand_[static_cast<size_t>(pv)] && !exact_)) return false;
    if (a.type.shape.rank != b.type.shape.rank || (exact_ && !(a.type == b.type))) return false;
    if (a.kind == ValueKind::kResult) {
      if (b.kind != ValueKind::kResult) return false;
      const Node& node = p_.graph.nodes[static_cast<size_t>(a.node)];
      const auto at = std::find(node.results.begin(), node.results.end(), pv) - node.results.begin();
      const Node& there = edit_.node(b.node);
      if (there.op != node.op || there.results[static_cast<size_t>(at)] != gv) return false;
      return bind_node(a.node, b.node) && values_[static_cast<size_t>(pv)] == gv;
    }
    if ((a.kind == ValueKind::kState) != (b.kind == ValueKind::kState)) return false;
    if (!is_operand_[static_cast<size_t>(pv)] && !same_content(a, b)) return false;
    set_value(pv, gv);
    return true;
  }

  bool bind_node(int pn, int gn) {
    if (nodes_[static_cast<size_t>(pn)] >= 0) return nodes_[static_cast<size_t>(pn)] == gn;
    const Node& a = p_.graph.nodes[static_cast<size_t>(pn)];
    const Node& b = edit_.node(gn);
    if (a.op != b.op || !edit_.alive(gn) || a.operands.size() != b.operands.size()) return false;
    if (std::find(nodes_.begin(), nodes_.end(), gn) != nodes_.end()) return false;
    for (const AttrDef& def : a.op->attrs)
      if ((exact_ || def.kind == AttrKind::kEnum) && !same_attr(def, a.attrs, b.attrs)) return false;
    const size_t mark = trail_.size();
    trail_.push_back({true, pn});
    nodes_[static_cast<size_t>(pn)] = gn;
    bool fits = true;
    for (size_t i = 0; fits && i < a.results.size(); ++i) {
      if (values_[static_cast<size_t>(a.results[i])] == kNoValue) set_value(a.results[i], b.results[i]);
      fits = values_[static_cast<size_t>(a.results[i])] == b.results[i] &&
             (!exact_ || p_.graph.type(a.results[i]) == edit_.type(b.results[i]));
    }
    for (size_t i = 0; fits && i < a.operands.size(); ++i) fits = bind_value(a.operands[i], b.operands[i]);
    if (!fits) undo(mark);
    return fits;
  }

  // Nodes that the first result does not depend on: other results and changes of state. They are found from
  // the values they share with what is bound.
  bool extend() {
    for (size_t pn = 0; pn < nodes_.size(); ++pn) {
      if (nodes_[pn] >= 0) continue;
      const Node& node = p_.graph.nodes[pn];
      for (size_t i = 0; i < node.operands.size(); ++i) {
        if (node.operands[i] == kNoValue) continue;
        const ValueId bound = values_[static_cast<size_t>(node.operands[i])];
        if (bound == kNoValue || edit_.value(bound).kind == ValueKind::kParam) continue;
        for (const GraphEdit::Use& use : edit_.uses(bound)) {
          if (use.operand != static_cast<int>(i)) continue;
          const size_t mark = trail_.size();
          if (bind_node(static_cast<int>(pn), use.node) && extend()) return true;
          undo(mark);
        }
        return false;
      }
    }
    return std::find(nodes_.begin(), nodes_.end(), -1) == nodes_.end();
  }

  void set_value(ValueId pv, ValueId gv) {
    values_[static_cast<size_t>(pv)] = gv;
    trail_.push_back({false, pv});
  }
  void undo(size_t mark) {
    for (; trail_.size() > mark; trail_.pop_back()) {
      const auto [is_node, id] = trail_.back();
      if (is_node)
        nodes_[static_cast<size_t>(id)] = -1;
      else
        values_[static_cast<size_t>(id)] = kNoValue;
    }
  }

  struct Step {
    bool is_node;
    int id;
  };
  const GraphEdit& edit_;
  const Pattern& p_;
  bool exact_;
  std::vector<ValueId> values_;
  std::vector<int> nodes_;
  std::vector<bool> is_operand_;
  std::vector<Step> trail_;
};

// Inner values are used only inside, and no other node uses one of the states between the first and the last
// node that goes.
bool is_closed(const GraphEdit& edit, const Match& match) {
  const auto inside = [&](int n) { return std::binary_search(match.nodes.begin(), match.nodes.end(), n); };
  for (const int n : match.nodes) {
    for (const ValueId id : edit.node(n).results) {
      if (std::find(match.results.begin(), match.results.end(), id) != match.results.end()) continue;
      if (edit.is_output(id)) return false;
      bool escapes = false;
      edit.for_uses(id, [&](const GraphEdit::Use& use) {
        escapes = !inside(use.node);
        return !escapes;
      });
      if (escapes) return false;
    }
    for (const ValueId id : edit.node(n).operands) {
      if (id == kNoValue || edit.value(id).kind != ValueKind::kState) continue;
      bool between = false;
      edit.for_uses(id, [&](const GraphEdit::Use& use) {
        between =
            between || (!inside(use.node) && use.node > match.nodes.front() && use.node < match.nodes.back());
      });
      if (between) return false;
    }
  }
  return true;
}

}  // namespace

const std::vector<OpParts::Parts>& OpParts::of(const OpDef& op, const TensorType& result) {
  const TensorType key = structure_key(op, result);
  const auto [it, fresh] = known_[&op].try_emplace(key);
  if (!fresh) return it->second;
  std::vector<Parts> all;
  for (const OpSample& sample : op.samples(result)) {
    GraphBuilder builder("parts");
    std::vector<ValueId> operands;
    if (decomposed(builder, op, sample.operands, sample.attrs, {.n_kv = int64_t{1} << 40}, operands).empty())
      continue;
    const auto graph = builder.finish();
    if (!graph.ok()) continue;
    Parts parts;
    for (const Node& node : graph->nodes)
      if (node.op->samples != nullptr || node.op->stays) {
        const std::pair<const OpDef*, TensorType> part(node.op, graph->type(node.results[0]));
        const bool seen = std::any_of(parts.begin(), parts.end(), [&](const auto& p) {
          return p.first == part.first && (node.op->samples == nullptr || p.second == part.second);
        });
        if (!seen) parts.push_back(part);
      }
    all.push_back(std::move(parts));
  }
  return known_[&op][key] = std::move(all);
}

OpParts::Present::Present(const GraphEdit& edit) {
  for (int n = 0; n < edit.n_nodes(); ++n) {
    if (!edit.alive(n)) continue;
    const Node& node = edit.node(n);
    ops.insert(node.op);
    if (node.op->structural_axes == 1) lengths.emplace(node.op, edit.type(node.results[0]).shape.dim[0]);
  }
}

bool OpParts::Present::has(const OpDef& op, const TensorType& result) const {
  return op.structural_axes == 1 ? lengths.count({&op, result.shape.dim[0]}) != 0 : ops.count(&op) != 0;
}

bool OpParts::may_be_in(const Present& present, const OpDef& op, const TensorType& result) {
  const std::vector<Parts>& alternatives = of(op, result);
  return std::any_of(alternatives.begin(), alternatives.end(), [&](const Parts& parts) {
    return std::all_of(parts.begin(), parts.end(), [&](const auto& part) {
      return present.has(*part.first, part.second) ||
             (part.first->samples != nullptr && may_be_in(present, *part.first, part.second));
    });
  });
}

std::optional<Pattern> PatternCache::make(const OpDef& op, const std::vector<TensorType>& operands,
                                          const AttrBytes& attrs, ResultUse result_use) {
  const DecomposeContext lowering{.n_kv = n_kv_};
  LoweringBuilder builder("pattern", lowering);
  Pattern pattern;
  pattern.attrs = attrs;
  pattern.result_use = result_use;
  const std::vector<ValueId> results = decomposed(builder, op, operands, attrs, lowering, pattern.operands);
  if (results.empty()) return {};
  // What stands for the users of the results while the passes run.
  const bool rows = result_use == ResultUse::kRows;
  for (size_t i = 0; i < results.size(); ++i) {
    const bool f32 = builder.type(results[i]).dtype == DType::kF32;
    builder.output("result " + std::to_string(i),
                   rows && f32 ? scale(builder, results[i], kUserFactor) : results[i]);
  }
  auto graph = builder.finish();
  if (!graph.ok()) return {};
  pattern.graph = std::move(graph.value());
  std::optional<GraphEdit> running;  // goes on to the next pass when there was nothing to change
  for (size_t i = 0; i < before_.size(); ++i) {
    PassContext context{ops_, *earlier_[i], can_};
    if (!running) running.emplace(pattern.graph);
    before_[i]->run(*running, context);
    if (running->changes() == 0) continue;
    running->finish();
    running.reset();
  }
  GraphEdit edit(pattern.graph);
  for (size_t i = 0; i < pattern.graph.outputs.size(); ++i) {
    const ValueId id = pattern.graph.outputs[i].value;
    const int user = edit.producer(id, kOp_scale);
    if (user < 0 || attrs_of<ScaleAttrs>(edit.node(user)).factor != kUserFactor) continue;
    const ValueId result = edit.node(user).operands[0];
    edit.replace_uses(id, result);
    edit.erase(user);
  }
  edit.finish();
  for (const GraphOutput& out : pattern.graph.outputs) pattern.results.push_back(out.value);
  return pattern;
}

// Makes the pattern again with one number changed: the node attribute that follows is where to read it.
void PatternCache::find_sources(const OpDef& op, Pattern& pattern) {
  if (pattern.has_sources) return;
  pattern.has_sources = true;
  std::vector<TensorType> operands;
  for (const ValueId id : pattern.operands)
    operands.push_back(id == kNoValue ? TensorType{} : pattern.graph.type(id));
  for (const AttrDef& def : op.attrs) {
    if (def.kind == AttrKind::kEnum) continue;
    for (const int change : {1, -1, 2, -2}) {
      AttrBytes changed = pattern.attrs;
      std::byte* at = changed.raw.data() + def.offset;
      if (def.kind == AttrKind::kInt) {
        int64_t v;
        std::memcpy(&v, at, sizeof(v));
        v += change;
        std::memcpy(at, &v, sizeof(v));
      } else {
        float v;
        std::memcpy(&v, at, sizeof(v));
        v = v * 1.25f + 0.5f * static_cast<float>(change);
        std::memcpy(at, &v, sizeof(v));
      }
      const auto other = make(op, operands, changed, pattern.result_use);
      if (!other || other->graph.nodes.size() != pattern.graph.nodes.size()) continue;
      for (size_t n = 0; n < pattern.graph.nodes.size(); ++n) {
        const Node &a = pattern.graph.nodes[n], &b = other->graph.nodes[n];
        if (a.op != b.op) break;
        const auto from = std::find_if(a.op->attrs.begin(), a.op->attrs.end(), [&](const AttrDef& d) {
          return d.kind == def.kind &&
                 std::memcmp(a.attrs.raw.data() + d.offset, pattern.attrs.raw.data() + def.offset,
                             static_cast<size_t>(attr_size(d.kind))) == 0 &&
                 std::memcmp(b.attrs.raw.data() + d.offset, changed.raw.data() + def.offset,
                             static_cast<size_t>(attr_size(d.kind))) == 0;
        });
        if (from == a.op->attrs.end()) continue;
        pattern.sources.push_back({&def, static_cast<int>(n), &*from});
        break;
      }
      break;
    }
  }
}

size_t TypeHash::operator()(const TensorType& type) const {
  uint64_t h = static_cast<uint64_t>(type.dtype) * 31 + static_cast<uint64_t>(type.shape.rank);
  for (const int64_t d : type.shape.dim) h = (h ^ static_cast<uint64_t>(d)) * 0x9E3779B97F4A7C15u;
  return h >> 7;
}

std::vector<Pattern>& PatternCache::samples(const OpDef& op, const TensorType& result) {
  const auto [it, fresh] = samples_[&op].try_emplace(structure_key(op, result));
  std::vector<Pattern>& patterns = it->second;
  if (!fresh) return patterns;
  for (const OpSample& sample : op.samples(result)) {
    size_t n_nodes = 0;
    for (const ResultUse use : {ResultUse::kRows, ResultUse::kDense}) {
      auto pattern = make(op, sample.operands, sample.attrs, use);
      if (!pattern || pattern->graph.nodes.size() == n_nodes) continue;
      n_nodes = pattern->graph.nodes.size();
      patterns.push_back(std::move(*pattern));
    }
  }
  // The largest first: with the shared expert before without.
  std::stable_sort(patterns.begin(), patterns.end(), [](const Pattern& a, const Pattern& b) {
    return a.graph.nodes.size() > b.graph.nodes.size();
  });
  return patterns;
}

const Pattern* PatternCache::exact(const OpDef& op, const std::vector<TensorType>& operands,
                                   const AttrBytes& attrs, ResultUse result_use) {
  const Key key{&op, operands, attrs, result_use};
  for (const auto& [k, pattern] : exact_)
    if (k == key) return pattern ? &*pattern : nullptr;
  auto pattern = make(op, operands, attrs, result_use);
  exact_.emplace_back(key, std::move(pattern));
  return exact_.back().second ? &*exact_.back().second : nullptr;
}

std::optional<Match> find_match(const GraphEdit& edit, const OpDef& op, ValueId result,
                                std::vector<Pattern>& samples, PatternCache& patterns) {
  const int root = edit.producer(result);
  if (root < 0) return {};
  for (Pattern& sample : samples) {
    const Value& top = sample.graph.values[static_cast<size_t>(sample.results[0])];
    if (top.node < 0 || sample.graph.nodes[static_cast<size_t>(top.node)].op != edit.node(root).op) continue;
    Matcher skeleton(edit, sample, false);
    if (!skeleton.run(result)) continue;

    std::vector<TensorType> types;
    for (const ValueId id : sample.operands)
      types.push_back(id == kNoValue ? TensorType{} : edit.type(skeleton.value(id)));
    AttrBytes attrs = sample.attrs;
    patterns.find_sources(op, sample);
    for (const Pattern::Source& s : sample.sources) {
      const Node& node = edit.node(skeleton.node(s.node));
      std::memcpy(attrs.raw.data() + s.attr->offset, node.attrs.raw.data() + s.from->offset,
                  static_cast<size_t>(attr_size(s.attr->kind)));
    }
    const Pattern* pattern = patterns.exact(op, types, attrs, sample.result_use);
    if (pattern == nullptr) continue;
    Matcher exact(edit, *pattern, true);
    if (!exact.run(result)) continue;

    Match match;
    match.attrs = attrs;
    for (const ValueId id : pattern->operands)
      match.operands.push_back(id == kNoValue ? kNoValue : exact.value(id));
    for (const ValueId id : pattern->results) match.results.push_back(exact.value(id));
    for (size_t n = 0; n < pattern->graph.nodes.size(); ++n)
      match.nodes.push_back(exact.node(static_cast<int>(n)));
    std::sort(match.nodes.begin(), match.nodes.end());
    if (is_closed(edit, match)) return match;
  }
  return {};
}

void fuse_op(GraphEdit& edit, const OpDef& op, PassContext& context,
             bool (*wanted)(const TensorType& result, const Capabilities& can)) {
  if (op.decompose == nullptr || op.samples == nullptr) return;
  const OpParts::Present present(edit);
  std::unordered_map<TensorType, bool, TypeHash> possible;
  // From the end: an op with an optional epilogue (a residual addition) ends later than without.
  for (int n = edit.n_nodes() - 1; n >= 0; --n) {
    if (!edit.alive(n) || edit.node(n).results.empty()) continue;
    for (const ValueId result : edit.node(n).results) {
      const auto [it, fresh] = possible.try_emplace(edit.type(result), false);
      if (fresh)
        it->second = (wanted == nullptr || wanted(edit.type(result), context.can)) &&
                     context.patterns.parts().may_be_in(present, op, edit.type(result));
      if (!it->second) continue;
      std::vector<Pattern>& samples = context.patterns.samples(op, edit.type(result));
      if (samples.empty()) continue;
      const auto match = find_match(edit, op, result, samples, context.patterns);
      if (!match) continue;
      const int fused = edit.insert_after(match->nodes.back(), op, match->operands, match->attrs);
      for (size_t i = 0; i < match->results.size(); ++i)
        edit.replace_uses(match->results[i], edit.node(fused).results[i]);
      for (const int gone : match->nodes) edit.erase(gone);
      break;
    }
  }
}

}  // namespace gannet
