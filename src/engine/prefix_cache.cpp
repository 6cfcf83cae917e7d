#include "engine/prefix_cache.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

namespace gannet {

struct PrefixCache::Node {
  Node* above = nullptr;
  std::vector<TokenId> tokens;                     // that lead here from above; none at the root
  std::map<TokenId, std::unique_ptr<Node>> below;  // by first token
  std::optional<StatePool::KeptId> point;
  uint64_t used = 0;
};

PrefixCache::PrefixCache(StatePool& pool, size_t most_points)
    : pool_(pool), most_points_(most_points), root_(std::make_unique<Node>()) {}

PrefixCache::~PrefixCache() {
  clear();
}

void PrefixCache::clear() {
  // Nodes may be nested deeper than the stack is.
  std::vector<std::unique_ptr<Node>> all;
  all.push_back(std::move(root_));
  while (!all.empty()) {
    std::unique_ptr<Node> node = std::move(all.back());
    all.pop_back();
    if (node->point) pool_.forget(*node->point);
    for (auto& [first, below] : node->below) all.push_back(std::move(below));
  }
  root_ = std::make_unique<Node>();
  n_points_ = 0;
}

PrefixCache::Node* PrefixCache::child(const Node& node, TokenId first) const {
  const auto found = node.below.find(first);
  return found == node.below.end() ? nullptr : found->second.get();
}

std::optional<PrefixHit> PrefixCache::find(std::span<const TokenId> tokens, size_t most) {
  std::vector<std::pair<Node*, size_t>> points;
  size_t at = 0;
  for (Node* node = root_.get(); at < tokens.size();) {
    node = child(*node, tokens[at]);
    if (node == nullptr ||
        !std::ranges::equal(tokens.subspan(at, std::min(node->tokens.size(), tokens.size() - at)),
                            node->tokens))
      break;
    at += node->tokens.size();
    if (at > most) break;
    if (node->point) points.emplace_back(node, at);
  }
  for (; !points.empty(); points.pop_back()) {
    const auto [node, length] = points.back();
    if (auto state = pool_.find(*node->point)) {
      node->used = ++clock_;
      return PrefixHit{length, std::move(*state)};
    }
    forget_point(node);  // it was given up
  }
  return std::nullopt;
}

size_t PrefixCache::common(std::span<const TokenId> text) const {
  size_t at = 0;
  for (const Node* node = root_.get(); at < text.size();) {
    node = child(*node, text[at]);
    if (node == nullptr) break;
    const auto rest = text.subspan(at);
    const auto same = static_cast<size_t>(std::ranges::mismatch(rest, node->tokens).in1 - rest.begin());
    at += same;
    if (same < node->tokens.size()) break;
  }
  return at;
}

void PrefixCache::remember(std::span<const TokenId> tokens, StateSnapshot state) {
  GANNET_CHECK(state.length() == std::ssize(tokens), "the state of another text");
  if (tokens.empty()) return;
  Node* node = root_.get();
  for (size_t at = 0; at < tokens.size();) {
    Node* next = child(*node, tokens[at]);
    if (next == nullptr) {
      auto made = std::make_unique<Node>();
      made->above = node;
      made->tokens.assign(tokens.begin() + static_cast<std::ptrdiff_t>(at), tokens.end());
      next = (node->below[tokens[at]] = std::move(made)).get();
    } else {
      const auto rest = tokens.subspan(at);
      const auto same = static_cast<size_t>(std::ranges::mismatch(rest, next->tokens).in1 - rest.begin());
      if (same < next->tokens.size()) {  // a node where they part
        auto parts = std::make_unique<Node>();
        const auto split = next->tokens.begin() + static_cast<std::ptrdiff_t>(same);
        parts->above = node;
        parts->tokens.assign(next->tokens.begin(), split);
        const TokenId below = *split;
        next->tokens.erase(next->tokens.begin(), split);
        std::unique_ptr<Node>& place = node->below[tokens[at]];
        next->above = parts.get();
        parts->below[below] = std::move(place);
        next = (place = std::move(parts)).get();
      }
    }
    at += next->tokens.size();
    node = next;
  }
  node->used = ++clock_;
  if (node->point && pool_.find(*node->point)) return;
  if (!node->point) ++n_points_;
  node->point = pool_.keep(std::move(state), fmt::format("a text of {} tokens", tokens.size()));
  if (n_points_ > most_points_) forget_oldest();
}

void PrefixCache::forget_point(Node* node) {
  pool_.forget(*node->point);
  node->point.reset();
  --n_points_;
  remove_if_useless(node);
}

// A node without a point is good for joining several below it only.
void PrefixCache::remove_if_useless(Node* node) {
  while (node->above != nullptr && !node->point) {
    Node* above = node->above;
    if (node->below.size() > 1) return;
    if (node->below.empty()) {
      above->below.erase(node->tokens.front());
      node = above;
      continue;
    }
    std::unique_ptr<Node> below = std::move(node->below.begin()->second);
    below->tokens.insert(below->tokens.begin(), node->tokens.begin(), node->tokens.end());
    below->above = above;
    above->below[below->tokens.front()] = std::move(below);  // takes the place of the node
    return;
  }
}

void PrefixCache::forget_oldest() {
  Node* oldest = nullptr;
  std::vector<Node*> all = {root_.get()};
  while (!all.empty()) {
    Node* node = all.back();
    all.pop_back();
    if (node->point && (oldest == nullptr || node->used < oldest->used)) oldest = node;
    for (auto& [first, below] : node->below) all.push_back(below.get());
  }
  if (oldest != nullptr) forget_point(oldest);
}

}  // namespace gannet
