#include "grammar/token_masks.h"

#include <algorithm>

#include "base/check.h"

namespace gannet {
namespace {

constexpr size_t kMostStackBytes = size_t{64} << 20;
constexpr size_t kMostLocalBytes = size_t{64} << 20;
constexpr size_t kMostMasks = 64;
constexpr uint64_t kMostClassWork = 3'000'000;  // edges looked at

void set_bit(std::vector<uint64_t>* bits, TokenId token) {
  (*bits)[static_cast<size_t>(token) / 64] |= uint64_t{1} << (static_cast<size_t>(token) % 64);
}

// 64 bits well mixed: that two different ones of a few 100,000 are equal is a matter of 1 in 10^8.
uint64_t mix(uint64_t h, uint64_t value) {
  h = h * 0x9E3779B97F4A7C15u + value;
  h = (h ^ (h >> 32)) * 0xD6E8FEB86659FD93u;
  h = (h ^ (h >> 29)) * 0xD6E8FEB86659FD93u;
  return h ^ (h >> 32);
}

}  // namespace

TokenMasks::TokenMasks(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenTrie> trie)
    : stacks_(std::move(automaton)), trie_(std::move(trie)), path_(trie_->max_depth() + 1) {}

// Tells accept() the tokens below a node that can be read from `config`, and exit() the nodes where the text
// may be at its end although tokens go on.
template <class Accept, class Exit>
void TokenMasks::walk(uint32_t node, Id config, Accept&& accept, Exit&& exit) {
  const std::span<const TokenTrie::Node> nodes = trie_->nodes();
  const uint32_t end = nodes[node].end;
  path_[nodes[node].depth] = StackTable::Reader(stacks_, config);
  for (uint32_t i = node + 1; i < end;) {
    const TokenTrie::Node& n = nodes[i];
    const Id to = path_[n.depth - 1u].next(&stacks_, n.byte);
    if (to == StackTable::kDead) {
      i = n.end;
      continue;
    }
    for (const TokenId token : trie_->tokens(i)) accept(token);
    if (n.is_leaf) {
      ++i;
      continue;
    }
    if (stacks_.complete(to)) exit(i);
    if (stacks_.can_read(to)) {
      path_[n.depth] = StackTable::Reader(stacks_, to);
      ++i;
    } else {
      i = n.end;
    }
  }
}

// States that cannot be told apart by texts as long as the longest token allow the same tokens: most of the
// states of a string of at most 200 characters are one. Rounds of refinement (Moore 1956), each a byte
// further.
void TokenMasks::find_classes() {
  const Automaton& a = stacks_.automaton();
  const uint32_t n = a.n_states();
  uint64_t edges = 0;
  for (uint32_t s = 0; s < n; ++s) edges += 1 + a.edges(s).size();
  std::vector<uint32_t> numbers(n), next(n), first(n);
  size_t n_classes = 1;
  uint64_t work = 0;
  for (size_t round = 0; round <= trie_->max_depth() + 1; ++round) {
    std::unordered_map<uint64_t, uint32_t> found;
    found.reserve(n_classes * 2);
    for (uint32_t s = 0; s < n; ++s) {
      uint64_t h = a.accepts(s) ? 1 : 2;
      if (s == Automaton::kEnd) h = 3;
      const auto list = a.edges(s);
      for (size_t e = 0; e < list.size(); ++e) {
        // Neighbours that lead to one class are one edge.
        const uint32_t to = numbers[list[e].to];
        const uint8_t low = list[e].low;
        while (e + 1 < list.size() && list[e + 1].low == list[e].high + 1 && numbers[list[e + 1].to] == to)
          ++e;
        h = mix(h, (uint64_t{low} << 48) | (uint64_t{list[e].high} << 40) | to);
      }
      h = mix(h, list.size() == 0);
      for (const Automaton::Call& c : a.calls(s)) h = mix(h, (uint64_t{c.start} << 32) | c.to);
      const auto [it, is_new] = found.try_emplace(h, static_cast<uint32_t>(found.size()));
      if (is_new) first[it->second] = s;
      next[s] = it->second;
    }
    numbers.swap(next);
    if (found.size() == n_classes && round > 0) break;
    n_classes = found.size();
    if ((work += edges) > kMostClassWork) {
      for (uint32_t s = 0; s < n; ++s) numbers[s] = first[s] = s;
      break;
    }
  }
  classes_.resize(n);
  for (uint32_t s = 0; s < n; ++s) classes_[s] = first[numbers[s]];
}

const LocalMask& TokenMasks::local(uint32_t state) {
  if (classes_.empty()) find_classes();
  state = classes_[state];
  if (const auto it = locals_.find(state); it != locals_.end()) return *it->second;
  if (local_bytes_ > kMostLocalBytes) {
    locals_.clear();
    local_bytes_ = 0;
  }
  const std::string key = structure(state);
  MaskCache::Value found = key.empty() ? nullptr : trie_->cache().find(key);
  if (found == nullptr) {
    found = make_local(state);
    // A walk that met a limit says nothing about other grammars.
    if (!key.empty() && !stacks_.failed()) trie_->cache().add(key, found);
  }
  local_bytes_ += found->bytes_used();
  return *locals_.emplace(state, std::move(found)).first->second;
}

MaskCache::Value TokenMasks::make_local(uint32_t state) {
  auto found = std::make_shared<LocalMask>();
  std::vector<TokenId> tokens;
  // What the rules that it calls read belongs to other frames of a configuration.
  walk(
      0, stacks_.only(state), [&](TokenId t) { tokens.push_back(t); },
      [&](uint32_t node) { found->exits.push_back(node); });
  if (tokens.size() > 2 * trie_->n_words()) {
    found->many.resize(trie_->n_words());
    for (const TokenId t : tokens) set_bit(&found->many, t);
  } else {
    found->few.assign(tokens.begin(), tokens.end());
  }
  found->exits.shrink_to_fit();
  return found;
}

// What the state reads, written so that equal texts mean equal automata: its states in the order in which
// they are found. Empty where it calls rules, or is too large.
std::string TokenMasks::structure(uint32_t state) const {
  constexpr size_t kMostStates = 300;
  const Automaton& a = stacks_.automaton();
  std::string text;
  const auto put = [&](uint32_t value) { text.append(reinterpret_cast<const char*>(&value), sizeof value); };
  std::unordered_map<uint32_t, uint32_t> numbers = {{state, 0}};
  std::vector<uint32_t> order = {state};
  for (size_t i = 0; i < order.size(); ++i) {
    if (order.size() > kMostStates || !a.calls(order[i]).empty()) return {};
    put(a.accepts(order[i]) ? 1 : 0);
    put(static_cast<uint32_t>(a.edges(order[i]).size()));
    for (const Automaton::Edge& e : a.edges(order[i])) {
      const auto [it, is_new] = numbers.try_emplace(e.to, static_cast<uint32_t>(order.size()));
      if (is_new) order.push_back(e.to);
      put(static_cast<uint32_t>(e.low) << 8 | e.high);
      put(it->second);
    }
  }
  return text;
}

Result<TokenMask> TokenMasks::mask(Id config) {
  if (const auto it = masks_.find(config); it != masks_.end()) return it->second;
  auto bits = std::make_shared<std::vector<uint64_t>>(trie_->n_words());
  if (stacks_.complete(config))
    for (const TokenId t : trie_->end_tokens()) set_bit(bits.get(), t);
  const std::vector<StackTable::Frame> frames(stacks_.frames(config).begin(), stacks_.frames(config).end());
  for (const StackTable::Frame& frame : frames) {
    if (frame.state == Automaton::kEnd) continue;
    const LocalMask& own = local(frame.state);
    for (const TokenId t : own.few) set_bit(bits.get(), t);
    for (size_t w = 0; w < own.many.size(); ++w) (*bits)[w] |= own.many[w];
    if (own.exits.empty()) continue;
    const Id below = stacks_.closed(frame.below);
    if (!stacks_.can_read(below)) continue;
    for (const uint32_t node : own.exits)
      walk(
          node, below, [&](TokenId t) { set_bit(bits.get(), t); }, [](uint32_t) {});
  }
  if (stacks_.failed())
    return Error(ErrorCode::kRuntime, "the grammar is too ambiguous: too many ways to read the text so far");
  if (std::ranges::all_of(*bits, [](uint64_t w) { return w == 0; }))
    return Error(ErrorCode::kRuntime,
                 config == StackTable::kDead
                     ? "the text does not follow the grammar, or is nested too deep for it"
                     : "no token of the vocabulary fits what the grammar wants next");
  if (masks_.size() >= kMostMasks) masks_.clear();
  return masks_[config] = std::move(bits);
}

TokenMask TokenMasks::only_end_tokens() {
  if (only_end_ == nullptr) {
    auto bits = std::make_shared<std::vector<uint64_t>>(trie_->n_words());
    for (const TokenId t : trie_->end_tokens()) set_bit(bits.get(), t);
    only_end_ = std::move(bits);
  }
  return only_end_;
}

TokenMasks::Id TokenMasks::advance(Id config, std::string_view text) {
  for (const char c : text) {
    if (config == StackTable::kDead) break;
    config = stacks_.next(config, static_cast<uint8_t>(c));
  }
  return config;
}

void TokenMasks::release(Id* config) {
  const auto it = std::ranges::find(kept_, config);
  GANNET_CHECK(it != kept_.end());
  *it = kept_.back();
  kept_.pop_back();
}

void TokenMasks::save_memory() {
  if (stacks_.bytes_used() < kMostStackBytes) return;
  stacks_.keep_only(kept_);
  masks_.clear();
}

}  // namespace gannet
