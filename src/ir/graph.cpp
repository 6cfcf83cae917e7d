#include "ir/graph.h"

#include <cstring>
#include <iterator>
#include <unordered_set>

#include <fmt/core.h>

#include "base/printable.h"

namespace gannet {

const OpDef* find_op(OpCatalogue catalogue, std::string_view name) {
  for (const OpDef* op : catalogue)
    if (name == op->name) return op;
  return nullptr;
}

const InputSourceInfo& input_source_info(InputSource source) {
  static constexpr InputSourceInfo kInfos[] = {
      {"given", InputScope::kGiven},          {"tokens", InputScope::kRows},
      {"positions", InputScope::kRows},       {"hidden", InputScope::kRows},
      {"logit_rows", InputScope::kRows},      {"hidden_rows", InputScope::kRows},
      {"causal_mask", InputScope::kSequence}, {"lower", InputScope::kConstant},
      {"strict", InputScope::kConstant},      {"eye", InputScope::kConstant},
  };
  static_assert(std::size(kInfos) == static_cast<size_t>(InputSource::kEye) + 1);
  return kInfos[static_cast<size_t>(source)];
}

std::string to_text(const TensorType& type) {
  std::string text = fmt::format("{}[", dtype_info(type.dtype).name);
  for (int i = 0; i < type.shape.rank; ++i) text += fmt::format("{}{}", i ? ", " : "", type.shape.dim[i]);
  return text + "]";
}

int64_t type_bytes(const TensorType& type) {
  return dtype_info(type.dtype).block_bytes == 0 ? 0 : tensor_bytes(type.dtype, type.shape);
}

Cost& Cost::operator+=(const Cost& other) {
  weight_bytes += other.weight_bytes;
  activation_bytes += other.activation_bytes;
  state_bytes += other.state_bytes;
  flops += other.flops;
  return *this;
}

Cost op_cost(const OpDef& op, const OpSite& site, const CostContext& context) {
  Cost cost = op.cost(site);
  if (op.cost_per_past_token == nullptr) return cost;
  const Cost more = op.cost_per_past_token(site, context);
  cost.weight_bytes += context.n_past * more.weight_bytes;
  cost.activation_bytes += context.n_past * more.activation_bytes;
  cost.state_bytes += context.n_past * more.state_bytes;
  cost.flops += context.n_past * more.flops;
  return cost;
}

Cost graph_cost(const Graph& graph, const CostContext& context) {
  Cost sum;
  for (const Node& node : graph.nodes) sum += op_cost(*node.op, graph.site(node).site, context);
  return sum;
}

Error shape_error(const OpDef& op, const std::string& what) {
  return {ErrorCode::kRuntime, fmt::format("{}: {}", op.name, what)};
}

Graph::Site Graph::site(const Node& node) const {
  Site s;
  for (ValueId id : node.operands) s.operands.push_back(id == kNoValue ? TensorType{} : type(id));
  for (ValueId id : node.results) s.results.push_back(type(id));
  s.site = {s.operands.data(), static_cast<int>(s.operands.size()), s.results.data(),
            static_cast<int>(s.results.size()), node.attrs.raw.data()};
  return s;
}

namespace {

// Presence of operands, then the op's own shape rule.
Result<std::vector<TensorType>> checked_infer(const OpDef& op, const OpSite& site) {
  const bool variadic = !op.operands.empty() && op.operands.back().variadic;
  const auto n = static_cast<size_t>(site.n_operands);
  if (variadic ? n < op.operands.size() : n != op.operands.size())
    return shape_error(op, fmt::format("takes {} operands, {} given", op.operands.size(), site.n_operands));
  for (int i = 0; i < site.n_operands; ++i) {
    const OperandDef& operand = operand_def(op, static_cast<size_t>(i));
    if (site.operands[i].shape.rank == 0 && !operand.optional)
      return shape_error(op, fmt::format("operand {} is required", operand.name));
  }
  return op.infer(site);
}

}  // namespace

ValueId GraphBuilder::named(ValueKind kind, const std::string& name, const TensorType& type,
                            InputSource source) {
  const auto [it, fresh] = names_.try_emplace(name, static_cast<ValueId>(graph_.values.size()));
  if (fresh) {
    graph_.values.push_back({type, kind, name, -1, source});
    return it->second;
  }
  const Value& value = graph_.values[static_cast<size_t>(it->second)];
  if (value.kind != kind || value.source != source || !(value.type == type))
    fail(fmt::format("\"{}\" is used as {} and as {}", name, to_text(value.type), to_text(type)));
  return it->second;
}

ValueId GraphBuilder::input(const std::string& name, const TensorType& type, InputSource source) {
  return named(ValueKind::kInput, name, type, source);
}
ValueId GraphBuilder::param(const std::string& name, const TensorType& type) {
  return named(ValueKind::kParam, name, type);
}
ValueId GraphBuilder::state(const std::string& name, const TensorType& type) {
  return named(ValueKind::kState, name, type);
}

std::vector<ValueId> GraphBuilder::add(const OpDef& op, std::span<const ValueId> operands, const void* attrs,
                                       size_t attrs_size) {
  const std::vector<ValueId> nothing(static_cast<size_t>(op.n_results), 0);
  if (!error_.empty()) return nothing;
  GANNET_CHECK(attrs_size <= kAttrBytes);
  Node node;
  node.op = &op;
  node.operands.assign(operands.begin(), operands.end());
  if (attrs != nullptr) std::memcpy(node.attrs.raw.data(), attrs, attrs_size);
  Graph::Site s = graph_.site(node);
  auto types = checked_infer(op, s.site);
  if (!types.ok()) {
    fail(types.error().message());
    return nothing;
  }
  s.site.results = types->data();
  s.site.n_results = static_cast<int>(types->size());
  std::vector<ValueId> stand_in = instead_of(op, s.site, node.operands);
  if (!stand_in.empty()) return stand_in;
  for (const TensorType& type : *types) {
    node.results.push_back(static_cast<ValueId>(graph_.values.size()));
    graph_.values.push_back({type, ValueKind::kResult, {}, static_cast<int32_t>(graph_.nodes.size())});
  }
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back().results;
}

void GraphBuilder::output(const std::string& name, ValueId value) {
  graph_.outputs.push_back({name, value});
}

void GraphBuilder::fail(const std::string& what) {
  if (error_.empty()) error_ = what;
  if (graph_.values.empty()) graph_.values.push_back({});  // so that ids handed out after an error are valid
}

Result<Graph> GraphBuilder::finish() {
  if (!error_.empty()) return Error(ErrorCode::kRuntime, fmt::format("graph {}: {}", graph_.name, error_));
  return std::move(graph_);
}

Result<Graph> rebuild(const Graph& graph, GraphBuilder& builder, const std::vector<bool>* wanted) {
  std::vector<ValueId> mapped(graph.values.size(), kNoValue);
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& v = graph.values[i];
    if (v.kind == ValueKind::kInput) mapped[i] = builder.input(v.name, v.type, v.source);
    if (v.kind == ValueKind::kParam) mapped[i] = builder.param(v.name, v.type);
    if (v.kind == ValueKind::kState) mapped[i] = builder.state(v.name, v.type);
  }
  std::vector<ValueId> operands;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (wanted != nullptr && !(*wanted)[n]) continue;
    const Node& node = graph.nodes[n];
    operands.clear();
    for (const ValueId id : node.operands)
      operands.push_back(id == kNoValue ? kNoValue : mapped[static_cast<size_t>(id)]);
    const auto results = builder.add(*node.op, operands, node.attrs.raw.data(), kAttrBytes);
    for (size_t i = 0; i < node.results.size(); ++i)
      mapped[static_cast<size_t>(node.results[i])] = results[i];
  }
  for (const GraphOutput& out : graph.outputs)
    builder.output(out.name, mapped[static_cast<size_t>(out.value)]);
  return builder.finish();
}

namespace {

bool type_fits(InputSource source, const TensorType& type) {
  const Shape& shape = type.shape;
  switch (source) {
    case InputSource::kGiven:
      return true;
    case InputSource::kTokens:
    case InputSource::kPositions:
    case InputSource::kLogitRows:
    case InputSource::kHiddenRows:
      return type.dtype == DType::kI32 && shape.rank == 1;
    case InputSource::kHidden:
      return type.dtype == DType::kF32 && shape.rank == 2;
    case InputSource::kCausalMask:
      return type.dtype == DType::kF32 && shape.rank == 2 && shape.dim[0] <= shape.dim[1];
    case InputSource::kLower:
    case InputSource::kStrict:
    case InputSource::kEye:
      return type.dtype == DType::kF32 && shape.rank == 2 && shape.dim[0] == shape.dim[1];
  }
  return false;
}

Result<void> verify_inputs(const Graph& graph) {
  uint32_t seen = 0;
  for (const Value& value : graph.values) {
    if (value.kind != ValueKind::kInput) {
      if (value.source == InputSource::kGiven) continue;
      return Error(ErrorCode::kUsage,
                   fmt::format("graph {}: only inputs have a source", printable(graph.name)));
    }
    const InputSourceInfo& info = input_source_info(value.source);
    if (!type_fits(value.source, value.type))
      return Error(ErrorCode::kUsage,
                   fmt::format("graph {}: input \"{}\" is {}, which is no type for {}", printable(graph.name),
                               printable(value.name), to_text(value.type), info.name));
    const uint32_t bit = 1u << static_cast<unsigned>(value.source);
    if ((info.scope == InputScope::kRows || info.scope == InputScope::kSequence) && (seen & bit) != 0)
      return Error(ErrorCode::kUsage,
                   fmt::format("graph {}: two inputs are {}", printable(graph.name), info.name));
    seen |= bit;
  }
  return {};
}

}  // namespace

Result<void> verify_graph(const Graph& graph) {
  const auto bad = [&](size_t node, const std::string& what) {
    return Error(ErrorCode::kUsage, fmt::format("graph {}, node {} ({}): {}", printable(graph.name), node,
                                                graph.nodes[node].op->name, what));
  };
  std::vector<bool> defined(graph.values.size());
  std::unordered_set<std::string> names;
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (value.kind == ValueKind::kResult) continue;
    defined[i] = true;
    if (!names.insert(value.name).second)
      return Error(ErrorCode::kUsage, fmt::format("graph {}: two values are named \"{}\"",
                                                  printable(graph.name), printable(value.name)));
  }
  GANNET_TRY(verify_inputs(graph));
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (ValueId id : node.operands) {
      if (id == kNoValue) continue;
      if (id < 0 || static_cast<size_t>(id) >= graph.values.size() || !defined[static_cast<size_t>(id)])
        return bad(n, fmt::format("%{} is used before it is defined", id));
    }
    const Graph::Site s = graph.site(node);
    auto types = checked_infer(*node.op, s.site);
    if (!types.ok()) return bad(n, types.error().message());
    if (*types != s.results) return bad(n, "the recorded result types differ from the shape rule");
    for (ValueId id : node.results) {
      if (defined[static_cast<size_t>(id)]) return bad(n, fmt::format("%{} is defined twice", id));
      defined[static_cast<size_t>(id)] = true;
    }
  }
  for (const GraphOutput& out : graph.outputs)
    if (out.value < 0 || static_cast<size_t>(out.value) >= graph.values.size() ||
        !defined[static_cast<size_t>(out.value)])
      return Error(ErrorCode::kUsage, fmt::format("graph {}: output \"{}\" is not defined",
                                                  printable(graph.name), printable(out.name)));
  return {};
}

}  // namespace gannet
