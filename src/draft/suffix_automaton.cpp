#include "draft/suffix_automaton.h"

#include "base/check.h"

namespace gannet {
namespace {

uint64_t key_of(uint32_t state, TokenId token) {
  return uint64_t{state} << 32 | static_cast<uint32_t>(token);
}

}  // namespace

void SuffixAutomaton::clear() {
  states_.clear();
  edges_.clear();
  table_.clear();
  changes_.clear();
  undo_.clear();
  last_ = add_state(0, kNone);
}

uint32_t SuffixAutomaton::find(uint32_t state, TokenId token) const {
  const uint32_t first = states_[state].edge;
  if (first == kNone || edges_[first].token == token) return first;
  if (edges_[first].other == kNone) return kNone;
  return table_.find(key_of(state, token),
                     [&](uint32_t e) { return edges_[e].from == state && edges_[e].token == token; });
}

uint32_t SuffixAutomaton::add_state(uint32_t length, uint32_t link) {
  states_.push_back({.length = length, .link = link});
  return static_cast<uint32_t>(states_.size() - 1);
}

void SuffixAutomaton::add_edge(uint32_t from, TokenId token, uint32_t to, uint32_t count) {
  GANNET_CHECK(edges_.size() < size_t{1} << 30, "the text has less than 350 million tokens");
  const uint32_t e = static_cast<uint32_t>(edges_.size());
  State& state = states_[from];
  edges_.push_back({.from = from, .to = to, .token = token, .other = kNone, .count = count});
  // The first stays where it is found without the table: most states have no other.
  if (state.edge == kNone) {
    state.edge = e;
  } else {
    Edge& first = edges_[state.edge];
    edges_[e].other = first.other;
    first.other = e;
    table_.insert(key_of(from, token), e);
  }
  state.total += count;
}

void SuffixAutomaton::remove_edge() {
  const Edge& edge = edges_.back();
  const uint32_t e = static_cast<uint32_t>(edges_.size() - 1);
  State& state = states_[edge.from];
  state.total -= edge.count;
  if (state.edge == e) {
    state.edge = kNone;
  } else {
    edges_[state.edge].other = edge.other;
    table_.erase(key_of(edge.from, edge.token), e);
  }
  edges_.pop_back();
}

// An edge was taken (again): its count is already in the total.
void SuffixAutomaton::take(uint32_t edge) {
  State& state = states_[edges_[edge].from];
  if (state.best == edge || (state.best != kNone && edges_[state.best].count > edges_[edge].count)) return;
  change(kBest, edges_[edge].from, state.best);
  state.best = edge;
}

// A new state for the shorter substrings of one, up to `length`: from now on they end at more places.
uint32_t SuffixAutomaton::split(uint32_t state, uint32_t length) {
  const uint32_t shorter = add_state(length, states_[state].link);
  const uint32_t best = states_[state].best;
  for (uint32_t e = states_[state].edge; e != kNone; e = edges_[e].other) {
    const Edge edge = edges_[e];
    if (e == best) states_[shorter].best = static_cast<uint32_t>(edges_.size());
    add_edge(shorter, edge.token, edge.to, edge.count);
  }
  change(kLink, state, states_[state].link);
  states_[state].link = shorter;
  return shorter;
}

void SuffixAutomaton::append(TokenId token) {
  undo_.push_back({static_cast<uint32_t>(states_.size()), static_cast<uint32_t>(edges_.size()),
                   static_cast<uint32_t>(changes_.size())});
  const uint32_t whole = add_state(states_[last_].length + 1, kRoot);
  uint32_t p = last_, e = kNone;
  for (; p != kNone && (e = find(p, token)) == kNone; p = states_[p].link) {
    add_edge(p, token, whole, 1);
    take(static_cast<uint32_t>(edges_.size() - 1));
  }
  last_ = whole;
  if (p == kNone) return;

  const uint32_t old = edges_[e].to;
  const uint32_t length = states_[p].length + 1;
  const uint32_t match = states_[old].length == length ? old : split(old, length);
  states_[whole].link = match;
  for (int counted = 0; p != kNone; p = states_[p].link, ++counted) {
    e = find(p, token);
    const bool redirect = match != old && edges_[e].to == old;
    if (!redirect && counted >= kCounted) break;
    if (redirect) {
      change(kTo, e, old);
      edges_[e].to = match;
    }
    if (counted < kCounted) {
      change(kCount, e, edges_[e].count);
      ++edges_[e].count;
      ++states_[p].total;
      take(e);
    }
  }
}

void SuffixAutomaton::remove_last() {
  const Undo undo = undo_.back();
  undo_.pop_back();
  for (; changes_.size() > undo.n_changes; changes_.pop_back()) {
    const Change& change = changes_.back();
    switch (change.field) {
      case kLink:
        states_[change.which].link = change.before;
        break;
      case kTo:
        edges_[change.which].to = change.before;
        break;
      case kBest:
        states_[change.which].best = change.before;
        break;
      case kCount:
        edges_[change.which].count = change.before;
        --states_[edges_[change.which].from].total;
        break;
    }
  }
  while (edges_.size() > undo.n_edges) remove_edge();
  states_.resize(undo.n_states);
  last_ = undo_.empty() ? kRoot : undo_.back().n_states;
}

}  // namespace gannet
