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
  StateStore::Id stored = 0;
  uint64_t used = 0;
};

PrefixCache::PrefixCache(StatePool& pool, StateStore* store, size_t most_points)
    : pool_(pool), store_(store), most_points_(most_points), root_(std::make_unique<Node>()) {
  if (store_ == nullptr) return;
  store_->visit_points([this](std::span<const TokenId> tokens, StateStore::Id id) {
    node_of(tokens)->stored = id;
    ++n_stored_;
  });
}

PrefixCache::~PrefixCache() {
  if (store_ != nullptr) store_->flush();
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
  n_points_ = n_stored_ = 0;
}

PrefixCache::Node* PrefixCache::child(const Node& node, TokenId first) const {
  const auto found = node.below.find(first);
  return found == node.below.end() ? nullptr : found->second.get();
}

// The nodes whose texts `tokens` begins with, shorter ones first, each with the length of its text.
std::vector<std::pair<PrefixCache::Node*, size_t>> PrefixCache::way(std::span<const TokenId> tokens) const {
  std::vector<std::pair<Node*, size_t>> nodes;
  Node* node = root_.get();
  for (size_t at = 0; at < tokens.size();) {
    node = child(*node, tokens[at]);
    const auto rest = tokens.subspan(at);
    if (node == nullptr || node->tokens.size() > rest.size() ||
        !std::ranges::equal(rest.first(node->tokens.size()), node->tokens))
      break;
    at += node->tokens.size();
    nodes.emplace_back(node, at);
  }
  return nodes;
}

std::optional<PrefixHit> PrefixCache::find(std::span<const TokenId> tokens, size_t most) {
  auto points = way(tokens.first(std::min(most, tokens.size())));
  std::erase_if(points, [](const auto& point) { return !point.first->point; });
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

std::optional<StoredHit> PrefixCache::find_stored(std::span<const TokenId> tokens, size_t most,
                                                  size_t beyond) const {
  std::optional<StoredHit> hit;
  if (store_ == nullptr) return hit;
  for (const auto& [node, length] : way(tokens.first(std::min(most, tokens.size()))))
    if (length > beyond && node->stored != 0 && store_->can_load(node->stored)) hit = {length, node->stored};
  return hit;
}

// Made if it is not there.
PrefixCache::Node* PrefixCache::node_of(std::span<const TokenId> tokens) {
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
  return node;
}

void PrefixCache::remember(std::span<const TokenId> tokens, StateSnapshot state, bool lasting) {
  GANNET_CHECK(state.length() == std::ssize(tokens), "the state of another text");
  if (tokens.empty()) return;
  Node* node = node_of(tokens);
  node->used = ++clock_;
  if (!node->point || !pool_.find(*node->point)) {
    if (!node->point) ++n_points_;
    node->point = pool_.keep(std::move(state), fmt::format("a text of {} tokens", tokens.size()));
  }
  if (lasting && store_ != nullptr) store(node, tokens);
  if (n_points_ > most_points_) forget_oldest();
}

// Behind the nearest stored point on the way to it.
void PrefixCache::store(Node* node, std::span<const TokenId> tokens) {
  const Node* before = node->above;
  size_t at = tokens.size() - node->tokens.size();
  while (before != nullptr && (before->stored == 0 || !store_->can_continue(before->stored))) {
    at -= before->tokens.size();
    before = before->above;
  }
  if (node->stored != 0 && store_->lasts(node->stored)) return;
  if (before != nullptr && store_->lasts(before->stored) &&
      static_cast<int64_t>(tokens.size() - at) < store_->options().least_tokens)
    return;
  if (node->stored == 0 && ++n_stored_ % 1024 == 0) forget_stale();
  node->stored = store_->put(before == nullptr ? 0 : before->stored,
                             tokens.subspan(before == nullptr ? 0 : at), *node->point);
}

void PrefixCache::forget(std::span<const TokenId> tokens) {
  const auto nodes = way(tokens);
  if (nodes.empty() || nodes.back().second != tokens.size()) return;
  Node* node = nodes.back().first;
  if (node->stored != 0) {
    store_->forget(std::exchange(node->stored, 0));
    --n_stored_;
  }
  if (node->point)
    forget_point(node);
  else
    remove_if_useless(node);
}

void PrefixCache::forget_point(Node* node) {
  pool_.forget(*node->point);
  node->point.reset();
  --n_points_;
  remove_if_useless(node);
}

// What the store no longer has.
void PrefixCache::forget_stale() {
  std::vector<Node*> all = {root_.get()}, stale;
  while (!all.empty()) {
    Node* node = all.back();
    all.pop_back();
    if (node->stored != 0 && !store_->can_continue(node->stored)) stale.push_back(node);
    for (auto& [first, below] : node->below) all.push_back(below.get());
  }
  // Those behind others come first: a node may go when the ones below it are gone.
  for (; !stale.empty(); stale.pop_back()) {
    stale.back()->stored = 0;
    --n_stored_;
    remove_if_useless(stale.back());
  }
}

// A node without a point is good for joining several below it only.
void PrefixCache::remove_if_useless(Node* node) {
  while (node->above != nullptr && !node->point && node->stored == 0) {
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
