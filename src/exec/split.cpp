#include "exec/split.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/core.h>

#include "exec/take_apart.h"

namespace gannet {
namespace {

const Value& value_of(const Graph& graph, ValueId id) {
  return graph.values[static_cast<size_t>(id)];
}

// What a view looks at in the end.
ValueId root_of(const Graph& graph, ValueId id) {
  for (int32_t n = value_of(graph, id).node; n >= 0; n = value_of(graph, id).node) {
    const Node& node = graph.nodes[static_cast<size_t>(n)];
    if (node.op->view == nullptr) break;
    id = node.operands[0];
  }
  return id;
}

bool is_view(const Node& node) {
  return node.op->view != nullptr;
}

// Takes those uses apart that have parameters on two homes.
class ConflictBuilder : public GraphBuilder {
 public:
  ConflictBuilder(const Graph& graph, std::vector<bool> conflicts, const DecomposeContext& context)
      : GraphBuilder(graph.name), conflicts_(std::move(conflicts)), context_(context) {}

 private:
  std::vector<ValueId> instead_of(const OpDef& op, const OpSite& site,
                                  std::span<const ValueId> operands) override {
    if (inside_) return {};
    const size_t n = next_++;
    if (!conflicts_[n] || op.decompose == nullptr) return {};
    inside_ = true;
    std::vector<ValueId> parts = op.decompose(*this, site, operands, context_);
    inside_ = false;
    return parts;
  }

  const std::vector<bool> conflicts_;
  const DecomposeContext& context_;
  size_t next_ = 0;
  bool inside_ = false;
};

class Splitter {
 public:
  Splitter(const Graph& graph, const HomeOf& home_of) : graph_(graph), home_of_(home_of) {}

  // The home of every node; or the first node whose parameters lie on two.
  std::optional<size_t> find_homes(std::vector<bool>& conflicts) {
    homes_.assign(graph_.nodes.size(), 0);
    conflicts.assign(graph_.nodes.size(), false);
    std::optional<size_t> first;
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      size_t home = kAnyHome, made = kAnyHome;
      for (const ValueId id : node.operands) {
        if (id == kNoValue) continue;
        const Value& root = value_of(graph_, root_of(graph_, id));
        if (root.kind == ValueKind::kResult && made == kAnyHome)
          made = homes_[static_cast<size_t>(root.node)];
        if (root.kind != ValueKind::kParam && root.kind != ValueKind::kState) continue;
        const size_t its = home_of_(root);
        if (its == kAnyHome) continue;
        if (home != kAnyHome && home != its && !conflicts[n]) {
          conflicts[n] = true;
          if (!first) first = n;
        }
        home = its;
      }
      homes_[n] = home != kAnyHome ? home : made != kAnyHome ? made : 0;
    }
    return first;
  }

  std::string parameters_of(size_t n) const {
    std::string text;
    for (const ValueId id : graph_.nodes[n].operands) {
      if (id == kNoValue) continue;
      const Value& root = value_of(graph_, root_of(graph_, id));
      if (root.kind == ValueKind::kParam || root.kind == ValueKind::kState)
        text += (text.empty() ? "" : ", ") + root.name;
    }
    return text;
  }

  Result<SplitGraph> split(std::span<const std::string> on_first) {
    assign_pieces();
    find_borders(on_first);
    for (size_t piece = 0; piece < split_.pieces.size(); ++piece)
      split_.pieces[piece].graph = GANNET_TRY(build(piece));
    return std::move(split_);
  }

 private:
  // Nodes of a home keep their order, for the sake of states.
  void assign_pieces() {
    piece_of_.assign(graph_.nodes.size(), kAnyHome);
    const size_t n_homes = homes_.empty() ? 1 : *std::max_element(homes_.begin(), homes_.end()) + 1;
    std::vector<std::vector<size_t>> left(n_homes);  // by home, the next one last
    for (size_t n = graph_.nodes.size(); n-- > 0;)
      if (!is_view(graph_.nodes[n])) left[homes_[n]].push_back(n);
    size_t home = 0;
    for (size_t idle = 0; idle < n_homes;) {
      bool any = false;
      while (!left[home].empty() && ready(left[home].back())) {
        if (!any) split_.pieces.push_back({home, {}});
        piece_of_[left[home].back()] = split_.pieces.size() - 1;
        left[home].pop_back();
        any = true;
      }
      idle = any ? 0 : idle + 1;
      home = (home + 1) % n_homes;
    }
    for (const auto& nodes : left) GANNET_CHECK(nodes.empty(), "a node whose operands are never made");
  }
  bool ready(size_t n) const {
    return std::ranges::all_of(graph_.nodes[n].operands, [&](ValueId id) {
      if (id == kNoValue) return true;
      const Value& root = value_of(graph_, root_of(graph_, id));
      return root.kind != ValueKind::kResult || piece_of_[static_cast<size_t>(root.node)] != kAnyHome;
    });
  }

  Border& border_of(ValueId root) {
    const auto [at, fresh] = border_of_.try_emplace(root, split_.borders.size());
    if (fresh) {
      Border border{.name = fmt::format("border:{}", split_.borders.size()),
                    .type = value_of(graph_, root).type,
                    .readers = {}};
      if (value_of(graph_, root).kind == ValueKind::kResult) border.maker = maker_of(root);
      split_.borders.push_back(std::move(border));
    }
    return split_.borders[at->second];
  }
  size_t maker_of(ValueId root) const { return piece_of_[static_cast<size_t>(value_of(graph_, root).node)]; }

  // Whether a value comes to this piece over a border.
  bool crosses(ValueId root, size_t piece) const {
    const Value& v = value_of(graph_, root);
    if (v.kind == ValueKind::kInput) return v.source == InputSource::kHidden;
    return v.kind == ValueKind::kResult && maker_of(root) != piece;
  }

  void find_borders(std::span<const std::string> on_first) {
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (is_view(graph_.nodes[n])) continue;
      for (const ValueId id : graph_.nodes[n].operands) {
        if (id == kNoValue) continue;
        const ValueId root = root_of(graph_, id);
        if (!crosses(root, piece_of_[n])) continue;
        std::vector<size_t>& readers = border_of(root).readers;
        if (std::ranges::find(readers, piece_of_[n]) == readers.end()) readers.push_back(piece_of_[n]);
      }
    }
    for (Border& border : split_.borders) std::ranges::sort(border.readers);
    for (const GraphOutput& output : graph_.outputs) {
      const ValueId root = root_of(graph_, output.value);
      const size_t piece = value_of(graph_, root).kind == ValueKind::kResult ? maker_of(root) : 0;
      split_.output_pieces.push_back(piece);
      const size_t home = split_.pieces[piece].home;
      bool last = true;
      for (size_t later = piece + 1; later < split_.pieces.size(); ++later)
        last = last && split_.pieces[later].home != home;
      const bool wanted = home != 0 && std::ranges::find(on_first, output.name) != on_first.end();
      int border = -1;
      if (!last || wanted) {
        border_of(root).kept = true;
        border = static_cast<int>(border_of_.at(root));
      }
      split_.output_borders.push_back(border);
    }
  }

  Result<Graph> build(size_t piece) {
    GraphBuilder builder(split_.pieces.size() == 1 ? graph_.name : fmt::format("{}/{}", graph_.name, piece));
    std::vector<ValueId> mapped(graph_.values.size(), kNoValue);
    for (size_t n = 0; n < graph_.nodes.size(); ++n)
      if (piece_of_[n] == piece) add(builder, graph_.nodes[n], piece, mapped);
    for (size_t i = 0; i < graph_.outputs.size(); ++i)
      if (split_.output_pieces[i] == piece)
        builder.output(graph_.outputs[i].name, here(builder, graph_.outputs[i].value, piece, mapped));
    for (const auto& [root, index] : border_of_)
      if (split_.borders[index].maker == piece)
        builder.output(split_.borders[index].name, mapped[static_cast<size_t>(root)]);
    return builder.finish();
  }

  void add(GraphBuilder& builder, const Node& node, size_t piece, std::vector<ValueId>& mapped) {
    std::vector<ValueId> operands;
    for (const ValueId id : node.operands)
      operands.push_back(id == kNoValue ? kNoValue : here(builder, id, piece, mapped));
    const auto results = builder.add(*node.op, operands, node.attrs.raw.data(), kAttrBytes);
    for (size_t i = 0; i < node.results.size(); ++i)
      mapped[static_cast<size_t>(node.results[i])] = results[i];
  }

  // The value as a piece has it; views are made again in each.
  ValueId here(GraphBuilder& builder, ValueId id, size_t piece, std::vector<ValueId>& mapped) {
    ValueId& to = mapped[static_cast<size_t>(id)];
    if (to != kNoValue) return to;
    const Value& v = value_of(graph_, id);
    if (v.kind == ValueKind::kParam) return to = builder.param(v.name, v.type);
    if (v.kind == ValueKind::kState) return to = builder.state(v.name, v.type);
    if (const auto border = border_of_.find(id); border != border_of_.end() && crosses(id, piece))
      return to = builder.param(split_.borders[border->second].name, v.type);
    if (v.kind == ValueKind::kInput) return to = builder.input(v.name, v.type, v.source);
    add(builder, graph_.nodes[static_cast<size_t>(v.node)], piece, mapped);
    return mapped[static_cast<size_t>(id)];
  }

  const Graph& graph_;
  const HomeOf& home_of_;
  std::vector<size_t> homes_;     // by node
  std::vector<size_t> piece_of_;  // by node; views: none
  std::map<ValueId, size_t> border_of_;
  SplitGraph split_;
};

}  // namespace

Result<SplitGraph> split_graph(const Graph& graph, const HomeOf& home_of, const DecomposeContext& context,
                               std::span<const std::string> on_first) {
  // An op may have to be taken apart more than once: into ops that are made of others themselves.
  Graph now = graph;
  for (;;) {
    Splitter splitter(now, home_of);
    std::vector<bool> conflicts;
    const auto conflict = splitter.find_homes(conflicts);
    if (!conflict) return splitter.split(on_first);
    if (now.nodes[*conflict].op->decompose == nullptr)
      return Error(ErrorCode::kUsage,
                   fmt::format("these must lie on one device, since {} takes them together: {}",
                               now.nodes[*conflict].op->name, splitter.parameters_of(*conflict)));
    ConflictBuilder builder(now, std::move(conflicts), context);
    now = GANNET_TRY(rebuild(now, builder));
  }
}

}  // namespace gannet
