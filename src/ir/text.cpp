// Printer and parser of the .gir text form (see graph.h).
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <unordered_map>

#include <fmt/core.h>

#include "base/printable.h"
#include "ir/graph.h"

namespace gannet {
namespace {

std::string attrs_text(const OpDef& op, const AttrBytes& attrs) {
  if (op.attrs.empty()) return {};
  std::string text = " {";
  for (const AttrDef& def : op.attrs) {
    if (text.size() > 2) text += ", ";
    const std::byte* at = attrs.raw.data() + def.offset;
    switch (def.kind) {
      case AttrKind::kInt: {
        int64_t v;
        std::memcpy(&v, at, sizeof(v));
        text += fmt::format("{} = {}", def.name, v);
        break;
      }
      case AttrKind::kFloat: {
        float v;
        std::memcpy(&v, at, sizeof(v));
        text += fmt::format("{} = {}", def.name, v);
        break;
      }
      case AttrKind::kEnum: {
        int32_t v;
        std::memcpy(&v, at, sizeof(v));
        text += fmt::format("{} = {}", def.name, def.enum_names[static_cast<size_t>(v)]);
        break;
      }
    }
  }
  return text + "}";
}

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (char c : name) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

class Parser {
 public:
  Parser(std::string_view text, OpCatalogue catalogue) : text_(text), catalogue_(catalogue) {}

  Result<Graph> parse() {
    GANNET_TRY(characters());
    if (!word("graph")) return error("expected \"graph NAME {\"");
    while (skip(), !at_end() && peek() != '{') graph_.name += text_[at_++];
    while (!graph_.name.empty() && graph_.name.back() == ' ') graph_.name.pop_back();
    if (!take('{')) return error("expected {");
    while (!take('}')) {
      if (at_end()) return error("missing }");
      if (word("return")) {
        std::string name;
        ValueId id;
        if (!string(name) || !take('=') || !value(id)) return error("expected return \"NAME\" = %N");
        graph_.outputs.push_back({name, id});
      } else {
        GANNET_TRY(item());
      }
    }
    if (skip(), !at_end()) return error("text after the closing }");
    GANNET_TRY(verify_graph(graph_));
    return std::move(graph_);
  }

 private:
  // Names go on to messages and to graphs that are printed again, so what steers terminals is refused at
  // once.
  Result<void> characters() {
    for (size_t end; at_ < text_.size(); at_ = end + 1) {
      end = std::min(text_.find_first_of("\n\r\t", at_), text_.size());
      const std::string_view piece = text_.substr(at_, end - at_);
      if (!fits_a_line(piece))
        return error(fmt::format("a graph has only printable characters in UTF-8, here is \"{}\"",
                                 printable(piece, 80)));
    }
    at_ = 0;
    return {};
  }

  Result<void> item() {
    std::vector<int64_t> labels;
    if (skip(), peek() != '%') return node(labels);
    do {
      int64_t label;
      if (!take('%') || !integer(label)) return error("expected %N");
      if (ids_.count(label)) return error(fmt::format("%{} is defined twice", label));
      labels.push_back(label);
    } while (take(','));
    if (!take('=')) return error("expected =");
    for (const auto& [keyword, kind] :
         {std::pair("input", ValueKind::kInput), std::pair("param", ValueKind::kParam),
          std::pair("state", ValueKind::kState)}) {
      if (!word(keyword)) continue;
      std::string name;
      TensorType type;
      InputSource source = InputSource::kGiven;
      if (labels.size() != 1 || !string(name))
        return error(fmt::format("expected %N = {} \"NAME\"", keyword));
      if (kind == ValueKind::kInput && word("from") && !input_source(source))
        return error(
            "expected a source of inputs: tokens, positions, hidden, causal_mask, lower, strict or eye");
      if (!take(':') || !tensor_type(type)) return error("expected : TYPE[DIMS]");
      ids_[labels[0]] = static_cast<ValueId>(graph_.values.size());
      graph_.values.push_back({type, kind, name, -1, source});
      return {};
    }
    return node(labels);
  }

  Result<void> node(const std::vector<int64_t>& labels) {
    const std::string name = identifier();
    Node node;
    node.op = find_op(catalogue_, name);
    if (node.op == nullptr) return error(fmt::format("there is no op \"{}\"", printable(name)));
    if (!take('(')) return error("expected (");
    while (!take(')')) {
      ValueId id = kNoValue;
      if (!take('_') && !value(id)) return error("expected an operand that is already defined, or _");
      node.operands.push_back(id);
      if (!take(',') && (skip(), peek() != ')')) return error("expected , or )");
    }
    if (take('{')) GANNET_TRY(attributes(*node.op, node.attrs));
    if (!labels.empty() && !take(':')) return error("expected : and the result types");
    for (size_t i = 0; i < labels.size(); ++i) {
      TensorType type;
      if ((i > 0 && !take(',')) || !tensor_type(type)) return error("expected a result type");
      ids_[labels[i]] = static_cast<ValueId>(graph_.values.size());
      node.results.push_back(static_cast<ValueId>(graph_.values.size()));
      graph_.values.push_back({type, ValueKind::kResult, {}, static_cast<int32_t>(graph_.nodes.size())});
    }
    graph_.nodes.push_back(std::move(node));
    return {};
  }

  Result<void> attributes(const OpDef& op, AttrBytes& attrs) {
    size_t given = 0;
    while (!take('}')) {
      const std::string name = identifier();
      const AttrDef* def = nullptr;
      for (const AttrDef& d : op.attrs)
        if (name == d.name) def = &d;
      if (def == nullptr)
        return error(fmt::format("op {} has no attribute \"{}\"", op.name, printable(name)));
      if (!take('=')) return error("expected =");
      std::byte* at = attrs.raw.data() + def->offset;
      if (def->kind == AttrKind::kInt) {
        int64_t v;
        if (!integer(v)) return error("expected an integer");
        std::memcpy(at, &v, sizeof(v));
      } else if (def->kind == AttrKind::kFloat) {
        float v;
        if (!real(v)) return error("expected a number");
        std::memcpy(at, &v, sizeof(v));
      } else {
        const std::string word = identifier();
        int32_t v = -1;
        for (size_t i = 0; i < def->enum_names.size(); ++i)
          if (word == def->enum_names[i]) v = static_cast<int32_t>(i);
        if (v < 0) return error(fmt::format("\"{}\" is no value of {}", printable(word), name));
        std::memcpy(at, &v, sizeof(v));
      }
      ++given;
      if (!take(',') && (skip(), peek() != '}')) return error("expected , or }");
    }
    if (given != op.attrs.size())
      return error(fmt::format("op {} needs {} attributes", op.name, op.attrs.size()));
    return {};
  }

  bool input_source(InputSource& source) {
    const std::string name = identifier();
    for (int i = 0; i <= static_cast<int>(InputSource::kEye); ++i) {
      source = static_cast<InputSource>(i);
      if (source != InputSource::kGiven && name == input_source_info(source).name) return true;
    }
    return false;
  }

  bool tensor_type(TensorType& type) {
    const auto dtype = dtype_from_name(identifier());
    if (!dtype || !take('[')) return false;
    type = {};
    type.dtype = *dtype;
    while (!take(']')) {
      int64_t n;
      if (type.shape.rank == kMaxRank || !integer(n) || n < 0 || n > (int64_t{1} << 40)) return false;
      type.shape.dim[type.shape.rank++] = n;
      if (!take(',') && (skip(), peek() != ']')) return false;
    }
    return true;
  }

  bool value(ValueId& id) {
    int64_t label;
    if (!take('%') || !integer(label)) return false;
    const auto it = ids_.find(label);
    if (it == ids_.end()) return false;
    id = it->second;
    return true;
  }

  bool string(std::string& out) {
    if (!take('"')) return false;
    while (!at_end() && peek() != '"') {
      if (peek() == '\\') ++at_;
      if (at_end() || static_cast<unsigned char>(peek()) < ' ') return false;
      out += text_[at_++];
    }
    return take('"');
  }

  template <class N>
  bool number(N& n) {
    skip();
    const auto [end, code] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), n);
    if (code != std::errc()) return false;
    at_ = static_cast<size_t>(end - text_.data());
    return true;
  }
  bool integer(int64_t& n) { return number(n); }
  bool real(float& n) { return number(n); }

  std::string identifier() {
    skip();
    std::string name;
    while (!at_end() && (std::isalnum(static_cast<unsigned char>(peek())) || peek() == '_'))
      name += text_[at_++];
    return name;
  }

  bool word(std::string_view w) {
    skip();
    if (text_.substr(at_, w.size()) != w) return false;
    const size_t end = at_ + w.size();
    if (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) || text_[end] == '_'))
      return false;
    at_ = end;
    return true;
  }

  bool take(char c) {
    skip();
    if (at_end() || peek() != c) return false;
    ++at_;
    return true;
  }

  void skip() {
    while (!at_end()) {
      if (peek() == '#') {
        while (!at_end() && peek() != '\n') ++at_;
      } else if (std::isspace(static_cast<unsigned char>(peek()))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }

  Error error(const std::string& what) const {
    const auto line =
        1 + std::count(text_.begin(),
                       text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size())), '\n');
    return {ErrorCode::kUsage, fmt::format("line {}: {}", line, what)};
  }

  std::string_view text_;
  OpCatalogue catalogue_;
  size_t at_ = 0;
  Graph graph_;
  std::unordered_map<int64_t, ValueId> ids_;
};

}  // namespace

std::string print_graph(const Graph& graph) {
  std::string text = fmt::format("graph {} {{\n", graph.name);
  // Labels count in the order of the text, as the parser numbers values: printing what was parsed gives the
  // same text.
  std::vector<size_t> label(graph.values.size());
  size_t n_labels = 0;
  const auto name = [&](ValueId id) { return fmt::format("%{}", label[static_cast<size_t>(id)]); };
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& v = graph.values[i];
    if (v.kind == ValueKind::kResult) continue;
    const char* keyword = v.kind == ValueKind::kInput   ? "input"
                          : v.kind == ValueKind::kParam ? "param"
                                                        : "state";
    label[i] = n_labels++;
    const std::string from =
        v.source == InputSource::kGiven ? "" : fmt::format(" from {}", input_source_info(v.source).name);
    text += fmt::format("  %{} = {} {}{} : {}\n", label[i], keyword, quoted(v.name), from, to_text(v.type));
  }
  for (const Node& node : graph.nodes) {
    text += "  ";
    for (size_t i = 0; i < node.results.size(); ++i) {
      label[static_cast<size_t>(node.results[i])] = n_labels++;
      text += (i ? ", " : "") + name(node.results[i]);
    }
    text += fmt::format("{}{}(", node.results.empty() ? "" : " = ", node.op->name);
    for (size_t i = 0; i < node.operands.size(); ++i) {
      if (i > 0) text += ", ";
      text += node.operands[i] == kNoValue ? "_" : name(node.operands[i]);
    }
    text += ")" + attrs_text(*node.op, node.attrs) + (node.results.empty() ? "" : " : ");
    for (size_t i = 0; i < node.results.size(); ++i)
      text += (i ? ", " : "") + to_text(graph.type(node.results[i]));
    text += "\n";
  }
  for (const GraphOutput& out : graph.outputs)
    text += fmt::format("  return {} = {}\n", quoted(out.name), name(out.value));
  return text + "}\n";
}

Result<Graph> parse_graph(std::string_view text, OpCatalogue catalogue) {
  return Parser(text, catalogue).parse();
}

}  // namespace gannet
