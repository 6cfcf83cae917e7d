#include "grammar/dfa.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <string_view>
#include <unordered_map>

namespace gannet {
namespace {

struct HashStates {
  size_t operator()(const std::vector<uint32_t>& states) const {
    uint64_t h = states.size();
    for (const uint32_t s : states) h = (h ^ s) * 0x9E3779B97F4A7C15u, h ^= h >> 29;
    return h;
  }
};

class SubsetConstruction {
 public:
  SubsetConstruction(const Nfa& nfa, CompileBudget* budget)
      : nfa_(nfa), budget_(budget), begins_(nfa.n_states + 1), edges_(nfa.edges.size()), seen_(nfa.n_states) {
    for (const Nfa::Edge& e : nfa.edges) ++begins_[e.from + 1];
    std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
    std::vector<uint32_t> next(begins_.begin(), begins_.end() - 1);
    for (const Nfa::Edge& e : nfa.edges) edges_[next[e.from]++] = e;
  }

  Dfa run() {
    state_of({nfa_.start});
    for (size_t s = 0; s < subsets_.size() && !budget_->exhausted(); ++s) expand(s);
    return std::move(dfa_);
  }

 private:
  using Subset = std::vector<uint32_t>;

  // The members that matter: those that read, call or accept.
  uint32_t state_of(Subset from) {
    ++stamp_;
    Subset kept;
    const auto visit = [&](uint32_t s, Subset* todo) {
      if (seen_[s] == stamp_) return;
      seen_[s] = stamp_;
      todo->push_back(s);
    };
    Subset todo;
    for (const uint32_t s : from) visit(s, &todo);
    uint64_t work = 1;
    while (!todo.empty()) {
      const uint32_t s = todo.back();
      todo.pop_back();
      bool matters = s == nfa_.accept;
      for (uint32_t e = begins_[s]; e < begins_[s + 1]; ++e, ++work)
        if (edges_[e].label == Nfa::Label::kNone)
          visit(edges_[e].to, &todo);
        else
          matters = true;
      if (matters) kept.push_back(s);
    }
    std::sort(kept.begin(), kept.end());
    budget_->spend(work + kept.size());
    const auto [it, is_new] = numbers_.try_emplace(std::move(kept), static_cast<uint32_t>(subsets_.size()));
    if (is_new) {
      subsets_.push_back(&it->first);
      dfa_.states.emplace_back();
    }
    return it->second;
  }

  void expand(size_t number) {
    std::vector<const Nfa::Edge*> reads;
    std::map<RuleId, Subset> calls;
    std::array<bool, 257> border{};
    border[0] = true;
    bool accept = false;
    for (const uint32_t s : *subsets_[number]) {
      accept |= s == nfa_.accept;
      for (uint32_t i = begins_[s]; i < begins_[s + 1]; ++i) {
        const Nfa::Edge& e = edges_[i];
        if (e.label == Nfa::Label::kCall) calls[e.rule].push_back(e.to);
        if (e.label != Nfa::Label::kBytes) continue;
        reads.push_back(&e);
        border[e.low] = border[e.high + 1u] = true;
      }
    }
    // Bytes between two borders lead to the same states.
    std::array<uint16_t, 256> piece_of{};
    std::vector<uint16_t> piece_begin;
    for (uint16_t b = 0; b < 256; ++b) {
      if (border[b]) piece_begin.push_back(b);
      piece_of[b] = static_cast<uint16_t>(piece_begin.size() - 1);
    }
    std::vector<Subset> targets(piece_begin.size());
    for (const Nfa::Edge* e : reads) {
      budget_->spend(1u + piece_of[e->high] - piece_of[e->low]);
      for (size_t p = piece_of[e->low]; p <= piece_of[e->high]; ++p) targets[p].push_back(e->to);
    }
    std::vector<Dfa::Edge> edges;
    for (size_t p = 0; p < targets.size(); ++p) {
      if (targets[p].empty()) continue;
      const auto low = static_cast<uint8_t>(piece_begin[p]);
      const auto high = static_cast<uint8_t>(p + 1 < piece_begin.size() ? piece_begin[p + 1] - 1 : 255);
      const uint32_t to = state_of(std::move(targets[p]));
      if (!edges.empty() && edges.back().to == to && edges.back().high + 1 == low)
        edges.back().high = high;
      else
        edges.push_back({low, high, to});
    }
    std::vector<Dfa::Call> made;
    for (auto& [rule, to] : calls) made.push_back({rule, state_of(std::move(to))});
    dfa_.states[number] = {std::move(edges), std::move(made), accept};
  }

  const Nfa& nfa_;
  CompileBudget* budget_;
  std::vector<uint32_t> begins_;
  std::vector<Nfa::Edge> edges_;
  std::vector<uint32_t> seen_;
  uint32_t stamp_ = 0;
  std::unordered_map<Subset, uint32_t, HashStates> numbers_;
  std::vector<const Subset*> subsets_;
  Dfa dfa_;
};

constexpr uint32_t kDead = UINT32_MAX;

uint32_t target(const Dfa& dfa, uint32_t state, uint8_t byte) {
  if (state == kDead) return kDead;
  for (const Dfa::Edge& e : dfa.states[state].edges)
    if (e.low <= byte && byte <= e.high) return e.to;
  return kDead;
}

}  // namespace

bool Dfa::matches(std::string_view text) const {
  uint32_t s = states.empty() ? kDead : 0;
  for (const char c : text) s = target(*this, s, static_cast<uint8_t>(c));
  return s != kDead && states[s].accept;
}

Dfa determinise(const Nfa& nfa, CompileBudget* budget) {
  return SubsetConstruction(nfa, budget).run();
}

Dfa combine(const Dfa& a, const Dfa& b, bool both, CompileBudget* budget) {
  Dfa result;
  if (a.empty()) return result;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> numbers;
  std::vector<std::pair<uint32_t, uint32_t>> pairs;
  const auto number_of = [&](uint32_t x, uint32_t y) {
    const auto [it, is_new] = numbers.try_emplace({x, y}, static_cast<uint32_t>(pairs.size()));
    if (is_new) pairs.emplace_back(x, y);
    return it->second;
  };
  number_of(0, b.empty() ? kDead : 0);
  for (size_t n = 0; n < pairs.size() && budget->spend(8); ++n) {
    const auto [x, y] = pairs[n];
    Dfa::State state;
    const bool in_b = y != kDead && b.states[y].accept;
    state.accept = a.states[x].accept && in_b == both;
    for (const Dfa::Edge& e : a.states[x].edges)
      for (int byte = e.low; byte <= e.high;) {
        // The longest run of bytes that b treats alike.
        uint32_t to = kDead;
        int last = e.high;
        if (y != kDead)
          for (const Dfa::Edge& f : b.states[y].edges) {
            if (f.high < byte) continue;
            if (f.low <= byte) {
              to = f.to;
              last = std::min<int>(last, f.high);
            } else {
              last = std::min<int>(last, f.low - 1);
            }
            break;
          }
        budget->spend(4);
        if (to != kDead || !both)
          state.edges.push_back(
              {static_cast<uint8_t>(byte), static_cast<uint8_t>(last), number_of(e.to, to)});
        byte = last + 1;
      }
    result.states.push_back(std::move(state));
  }
  result.states.resize(pairs.size());
  return trimmed(result, {});
}

Dfa trimmed(const Dfa& dfa, const std::vector<bool>& productive) {
  const size_t n = dfa.states.size();
  if (n == 0) return {};
  const auto exists = [&](const Dfa::Call& c) { return productive.empty() || productive[c.rule]; };
  std::vector<std::vector<uint32_t>> from(n);
  std::vector<uint32_t> todo;
  std::vector<bool> ends(n);
  for (uint32_t s = 0; s < n; ++s) {
    for (const Dfa::Edge& e : dfa.states[s].edges) from[e.to].push_back(s);
    for (const Dfa::Call& c : dfa.states[s].calls)
      if (exists(c)) from[c.to].push_back(s);
    if (dfa.states[s].accept) {
      ends[s] = true;
      todo.push_back(s);
    }
  }
  while (!todo.empty()) {
    const uint32_t s = todo.back();
    todo.pop_back();
    for (const uint32_t f : from[s])
      if (!ends[f]) {
        ends[f] = true;
        todo.push_back(f);
      }
  }
  if (!ends[0]) return {};
  std::vector<uint32_t> number(n, kDead), order = {0};
  number[0] = 0;
  const auto reach = [&](uint32_t s) {
    if (number[s] != kDead) return;
    number[s] = static_cast<uint32_t>(order.size());
    order.push_back(s);
  };
  Dfa result;
  for (size_t i = 0; i < order.size(); ++i) {
    const Dfa::State& old = dfa.states[order[i]];
    Dfa::State state;
    state.accept = old.accept;
    for (const Dfa::Edge& e : old.edges)
      if (ends[e.to]) {
        reach(e.to);
        state.edges.push_back({e.low, e.high, number[e.to]});
      }
    for (const Dfa::Call& c : old.calls)
      if (exists(c) && ends[c.to]) {
        reach(c.to);
        state.calls.push_back({c.rule, number[c.to]});
      }
    result.states.push_back(std::move(state));
  }
  return result;
}

}  // namespace gannet
