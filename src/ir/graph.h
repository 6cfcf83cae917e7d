// The graph: typed values in static single assignment order, nodes that are uses of OpDefs, named outputs.
// Nodes are kept in a valid execution order. A graph holds no memory and no pointers to weights; parameters
// and states are named and bound when a plan is made.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "ir/op_def.h"

namespace gannet {

enum class ValueKind : uint8_t { kInput, kParam, kState, kResult };

// What an input holds. Whoever runs a graph fills its inputs by this; names are for people.
enum class InputSource : uint8_t {
  kGiven,  // whatever the caller has: what the name says, in graphs of tests
  // Data of the rows of a run.
  kTokens,      // I32[n_tokens]
  kPositions,   // I32[n_tokens]
  kHidden,      // F32[n_tokens, n_embd], rows of another graph
  kLogitRows,   // I32[n_chosen]: the rows of the run (or of kHiddenRows) that get logits
  kHiddenRows,  // I32[n_hidden]: the rows of the run whose hidden rows are wanted
  // Data that depends on how long the sequence is.
  kCausalMask,  // F32[n_tokens, n_kv]: 0 where token t (at position n_past + t) may look, -infinity elsewhere
  // Constants, F32[n, n]: ones on and below the diagonal, below it, on it; zeros elsewhere.
  kLower,
  kStrict,
  kEye,
};
enum class InputScope : uint8_t { kGiven, kRows, kSequence, kConstant };

struct InputSourceInfo {
  const char* name;  // in the text form
  InputScope scope;
};
const InputSourceInfo& input_source_info(InputSource source);

struct Value {
  TensorType type;
  ValueKind kind = ValueKind::kResult;
  std::string name;                          // unique among inputs, params and states; empty for results
  int32_t node = -1;                         // producer of a result
  InputSource source = InputSource::kGiven;  // inputs only
};

struct Node {
  const OpDef* op = nullptr;
  std::vector<ValueId> operands;  // kNoValue for optional operands that are not given
  std::vector<ValueId> results;
  AttrBytes attrs;
};

struct GraphOutput {
  std::string name;
  ValueId value;
};

class Graph {
 public:
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<GraphOutput> outputs;

  const TensorType& type(ValueId id) const { return values[static_cast<size_t>(id)].type; }

  // Operand and result types of a node, laid out for an OpSite.
  struct Site {
    std::vector<TensorType> operands, results;
    OpSite site;
  };
  Site site(const Node& node) const;
};

// Builds a graph node by node. The first illegal use is remembered and reported by finish(); later calls
// return harmless values, so model code needs no checks of its own.
class GraphBuilder {
 public:
  explicit GraphBuilder(std::string name) { graph_.name = std::move(name); }
  virtual ~GraphBuilder() = default;

  // One value per name; asked for again: the same.
  ValueId input(const std::string& name, const TensorType& type, InputSource source = InputSource::kGiven);
  ValueId param(const std::string& name, const TensorType& type);
  ValueId state(const std::string& name, const TensorType& type);

  // Adds a use of `op`. `attrs` points at the op's attribute struct (null when it has none).
  std::vector<ValueId> add(const OpDef& op, std::span<const ValueId> operands, const void* attrs,
                           size_t attrs_size);

  // The common case of one result.
  template <class A>
  ValueId add1(const OpDef& op, std::initializer_list<ValueId> operands, const A& attrs) {
    static_assert(sizeof(A) <= kAttrBytes);
    return add(op, std::span(operands.begin(), operands.size()), &attrs, sizeof(A))[0];
  }
  ValueId add1(const OpDef& op, std::initializer_list<ValueId> operands) {
    return add(op, std::span(operands.begin(), operands.size()), nullptr, 0)[0];
  }

  void output(const std::string& name, ValueId value);
  void fail(const std::string& what);

  const TensorType& type(ValueId id) const { return graph_.type(id); }
  const Shape& shape(ValueId id) const { return graph_.type(id).shape; }

  Result<Graph> finish();

 protected:
  // Asked for every legal use: the values to return instead of adding a node, or none.
  virtual std::vector<ValueId> instead_of(const OpDef&, const OpSite&, std::span<const ValueId>) {
    return {};
  }

 private:
  ValueId named(ValueKind kind, const std::string& name, const TensorType& type,
                InputSource source = InputSource::kGiven);

  Graph graph_;
  std::unordered_map<std::string, ValueId> names_;
  std::string error_;
};

// Adds a graph to an empty builder, use by use, so that the builder may put others in their place
// (GraphBuilder::instead_of), and finishes it. `wanted`: only these nodes, by their index; null: all.
Result<Graph> rebuild(const Graph& graph, GraphBuilder& builder, const std::vector<bool>* wanted = nullptr);

// Work of a run of the whole graph.
Cost graph_cost(const Graph& graph, const CostContext& context);

// Checks that ids are in range, values are defined before use, names are unique, inputs have the type that
// goes with their source (at most one of each but constants and given ones), and every shape rule still
// yields the recorded types. Errors name the input or the node.
Result<void> verify_graph(const Graph& graph);

// Text form (.gir). parse(print(g)) gives an equal graph. Syntax, one item per line:
//   graph NAME {
//     %0 = input "tokens" from tokens : I32[7]
//     %1 = param "token_embd.weight" : Q4_0[512, 64]
//     %2 = state "kv.3" : kv[2, 256]
//     %3 = embed(%1, %0) : F32[7, 64]
//     %4 = rms_norm(%3, %5) {eps = 1e-06} : F32[7, 64]
//     %6, %7 = router(%4) {top_k = 8} : I32[7, 8], F32[7, 8]
//     return "logits" = %9
//   }
// An input that is simply given has no `from`. An operand that is not given is written `_`; a node without
// results is written without `%N =` and type.
// `#` starts a comment.
std::string print_graph(const Graph& graph);

// Errors (kUsage) name the line.
Result<Graph> parse_graph(std::string_view text, OpCatalogue catalogue);

}  // namespace gannet
