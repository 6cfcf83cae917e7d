// Recognising an op in a lowered graph. The pattern of an op is its own decomposition, lowered and taken
// through the passes that the graph has gone through already; there is no second description of it.
//
// A search has two steps. First a use that OpDef::samples names is lowered and its skeleton (ops, edges,
// enumerations) is laid over the graph, which finds the operands. Then the op is lowered again for exactly
// those operands' types, and every attribute and type must agree. Number attributes of the op are read off
// the node of the decomposition in which they turn up (found by changing them in the sample and looking what
// changes).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "passes/pass.h"

namespace gannet {

// Who uses the results of a pattern: passes before may have treated the last nodes differently.
enum class ResultUse : uint8_t {
  kRows,   // a node that takes strided rows
  kDense,  // a node that wants dense memory, or an output of the graph
};

// A lowered use: a graph whose inputs "operand 0", ... are the operands.
struct Pattern {
  Graph graph;
  std::vector<ValueId> operands;  // kNoValue: not given
  std::vector<ValueId> results;
  AttrBytes attrs;
  ResultUse result_use = ResultUse::kRows;
  // Where a number attribute of the op is found: node of the pattern and AttrDef of that node's op.
  struct Source {
    const AttrDef* attr;
    int node;
    const AttrDef* from;
  };
  std::vector<Source> sources;
  bool has_sources = false;
};

// A place in a graph that an op can take.
struct Match {
  std::vector<ValueId> operands;
  std::vector<ValueId> results;  // values that the op's results replace; kNoValue: nobody has it
  std::vector<int> nodes;        // what disappears, rising
  AttrBytes attrs;
};

struct TypeHash {
  size_t operator()(const TensorType& type) const;
};

// What ops are made of, one level down: the quick answer to "can this op be in this graph at all?".
class OpParts {
 public:
  // The ops of a graph; of those whose structure depends on axis 0 only (OpDef::structural_axes), also the
  // lengths of that axis of their first results.
  struct Present {
    std::unordered_set<const OpDef*> ops;
    std::set<std::pair<const OpDef*, int64_t>> lengths;

    Present() = default;
    explicit Present(const GraphEdit& edit);
    bool has(const OpDef& op, const TensorType& result) const;
  };

  // False when a graph with these ops cannot hold the decomposition of `op` with this first result.
  bool may_be_in(const Present& present, const OpDef& op, const TensorType& result);

 private:
  // Parts that only a fusion removes, with the type of their first result.
  using Parts = std::vector<std::pair<const OpDef*, TensorType>>;
  const std::vector<Parts>& of(const OpDef& op, const TensorType& result);  // per sample
  std::unordered_map<const OpDef*, std::unordered_map<TensorType, std::vector<Parts>, TypeHash>> known_;
};

// Patterns for one position of a pipeline, made when first asked for.
class PatternCache {
 public:
  // The patterns that a pass looks for: lowered, then taken through the passes `before` it. `earlier` are the
  // caches of those passes. `n_kv` is what the graph was lowered with.
  PatternCache(OpCatalogue ops, OpParts& parts, const Capabilities& can, int64_t n_kv,
               std::span<const Pass* const> before, std::span<const std::unique_ptr<PatternCache>> earlier)
      : ops_(ops), parts_(parts), can_(can), n_kv_(n_kv), before_(before), earlier_(earlier) {}

  OpParts& parts() { return parts_; }

  // One for each of the op's samples that makes a legal graph.
  std::vector<Pattern>& samples(const OpDef& op, const TensorType& result);
  // Finds out where a sample's number attributes come from, when that is not known yet.
  void find_sources(const OpDef& op, Pattern& sample);

  // Null when the op has no decomposition for these operands.
  const Pattern* exact(const OpDef& op, const std::vector<TensorType>& operands, const AttrBytes& attrs,
                       ResultUse result_use);

 private:
  struct Key {
    const OpDef* op;
    std::vector<TensorType> types;
    AttrBytes attrs;
    ResultUse result_use;
    bool operator==(const Key& other) const {
      return op == other.op && types == other.types && attrs.raw == other.attrs.raw &&
             result_use == other.result_use;
    }
  };
  std::optional<Pattern> make(const OpDef& op, const std::vector<TensorType>& operands,
                              const AttrBytes& attrs, ResultUse result_use);

  OpCatalogue ops_;
  OpParts& parts_;
  Capabilities can_;
  int64_t n_kv_;
  std::span<const Pass* const> before_;
  std::span<const std::unique_ptr<PatternCache>> earlier_;
  std::unordered_map<const OpDef*, std::unordered_map<TensorType, std::vector<Pattern>, TypeHash>> samples_;
  std::deque<std::pair<Key, std::optional<Pattern>>> exact_;
};

// The use of `op` whose first result is `result`, if there is one whose inner values nobody else needs.
// `samples` are those of the op for the type of that result.
std::optional<Match> find_match(const GraphEdit& edit, const OpDef& op, ValueId result,
                                std::vector<Pattern>& samples, PatternCache& patterns);

// Replaces every use of `op`'s decomposition by the op, if the back end wants those with this first result.
void fuse_op(GraphEdit& edit, const OpDef& op, PassContext& context,
             bool (*wanted)(const TensorType& result, const Capabilities& can) = nullptr);

}  // namespace gannet
