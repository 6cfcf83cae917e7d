#include "grammar/rule_facts.h"

#include <fmt/format.h>

#include <algorithm>

namespace gannet {
namespace {

// Copies up to this many states cost less than calls; rules that are used once may be larger.
constexpr uint64_t kCopied = 32, kLinked = 64, kUsedOnce = 1000;
constexpr uint64_t kMostWeight = uint64_t{1} << 31;

class Facts {
 public:
  explicit Facts(const Grammar& grammar)
      : g_(grammar),
        facts_(g_.rules().size()),
        weights_(g_.rules().size(), 2),
        own_weights_(weights_),
        uses_(g_.rules().size()) {}

  Result<std::vector<RuleFacts>> find() {
    for (ExprId id = 0; id < g_.n_exprs(); ++id) {
      if (g_.expr(id).kind == ExprKind::kRule) ++uses_[g_.expr(id).first];
    }
    find_components();
    find_nullable();
    if (const int cycle = find_left_recursion(); cycle >= 0)
      return Error(
          ErrorCode::kUsage,
          fmt::format("the rule \"{}\" begins with itself (left recursion), so it never reads anything; put "
                      "the repeated part behind something, or write it with * or +",
                      g_.rules()[static_cast<size_t>(cycle)].name));
    return std::move(facts_);
  }

 private:
  // Calls f for each rule in the expression; with `left_only` those that may come before anything is read.
  template <class F>
  void for_each_rule(ExprId id, bool left_only, F&& f) const {
    const Grammar::Expr& e = g_.expr(id);
    switch (e.kind) {
      case ExprKind::kRule:
        f(e.first);
        break;
      case ExprKind::kRepeat:
        for_each_rule(e.first, left_only, f);
        break;
      case ExprKind::kSequence:
      case ExprKind::kChoice:
      case ExprKind::kBoth:
      case ExprKind::kExcept:
        for (const ExprId part : g_.parts(e)) {
          for_each_rule(part, left_only, f);
          if (left_only && e.kind == ExprKind::kSequence && !nullable(part)) break;
        }
        break;
      default:
        break;
    }
  }

  bool nullable(ExprId id) const {
    const Grammar::Expr& e = g_.expr(id);
    const auto is = [&](ExprId part) { return nullable(part); };
    switch (e.kind) {
      case ExprKind::kEmpty:
        return true;
      case ExprKind::kRule:
        return facts_[e.first].nullable;
      case ExprKind::kRepeat:
        return e.count == 0 || nullable(e.first);
      case ExprKind::kSequence:
        return std::ranges::all_of(g_.parts(e), is);
      case ExprKind::kChoice:
        return std::ranges::any_of(g_.parts(e), is);
      case ExprKind::kBoth:
      case ExprKind::kExcept:
        return nullable(g_.parts(e)[0]);  // maybe; too often is on the safe side
      default:
        return false;
    }
  }

  uint64_t weight(ExprId id) const {
    const Grammar::Expr& e = g_.expr(id);
    uint64_t sum = 1;
    switch (e.kind) {
      case ExprKind::kLiteral:
        return e.count;
      case ExprKind::kRule:
        return facts_[e.first].copied ? weights_[e.first] : 2;
      case ExprKind::kRepeat:
        sum = weight(e.first) * (e.max == kUnbounded ? uint64_t{e.count} + 1 : e.max);
        break;
      case ExprKind::kSequence:
      case ExprKind::kChoice:
      case ExprKind::kBoth:
      case ExprKind::kExcept:
        for (const ExprId part : g_.parts(e)) sum += weight(part);
        break;
      default:
        break;
    }
    return std::min(sum, kMostWeight);
  }

  // Strongly connected components (Tarjan 1972), without recursion: the rules of one component are recursive.
  // They come out with those they use first, so weights can be summed on the way.
  void find_components() {
    const size_t n = facts_.size();
    std::vector<std::vector<RuleId>> uses(n);
    for (RuleId r = 0; r < n; ++r) {
      for_each_rule(g_.rules()[r].body, false, [&](RuleId used) { uses[r].push_back(used); });
      std::sort(uses[r].begin(), uses[r].end());
      uses[r].erase(std::unique(uses[r].begin(), uses[r].end()), uses[r].end());
    }
    std::vector<uint32_t> index(n), low(n), stack;
    std::vector<bool> on_stack(n);
    struct Visit {
      RuleId rule;
      size_t next;
    };
    uint32_t count = 0;
    std::vector<Visit> visits;
    const auto enter = [&](RuleId r) {
      index[r] = low[r] = ++count;
      stack.push_back(r);
      on_stack[r] = true;
      visits.push_back({r, 0});
    };
    for (RuleId root = 0; root < n; ++root) {
      if (index[root] == 0) enter(root);
      while (!visits.empty()) {
        const RuleId r = visits.back().rule;
        if (visits.back().next < uses[r].size()) {
          const RuleId used = uses[r][visits.back().next++];
          if (used == r) facts_[r].recursive = true;
          if (index[used] == 0)
            enter(used);
          else if (on_stack[used])
            low[r] = std::min(low[r], index[used]);
          continue;
        }
        visits.pop_back();
        if (!visits.empty()) low[visits.back().rule] = std::min(low[visits.back().rule], low[r]);
        if (low[r] != index[r]) continue;
        std::vector<RuleId> component;
        do {
          component.push_back(stack.back());
          on_stack[stack.back()] = false;
          stack.pop_back();
        } while (component.back() != r);
        for (const RuleId member : component) {
          if (component.size() > 1) facts_[member].recursive = true;
          decide(member);
        }
      }
    }
  }

  // A copy of a rule has copies of the rules that it is linked to, each once, and of those behind them.
  uint64_t weight_with_links(RuleId r) const {
    std::vector<RuleId> found = {r};
    uint64_t sum = 0;
    for (size_t i = 0; i < found.size() && sum <= kUsedOnce; ++i) {
      sum += own_weights_[found[i]];
      for_each_rule(g_.rules()[found[i]].body, false, [&](RuleId used) {
        if (g_.rules()[used].use == RuleUse::kLink && std::ranges::find(found, used) == found.end())
          found.push_back(used);
      });
    }
    return std::min(sum, kMostWeight);
  }

  void decide(RuleId r) {
    const Grammar::Rule& rule = g_.rules()[r];
    own_weights_[r] = weight(rule.body);
    const uint64_t w = rule.use == RuleUse::kAuto ? weight_with_links(r) : own_weights_[r];
    weights_[r] = w;
    const bool small_for_once = uses_[r] <= 1 && w <= kUsedOnce;
    facts_[r].copied = rule.use == RuleUse::kAuto && !facts_[r].recursive && (w <= kCopied || small_for_once);
    facts_[r].linked =
        rule.use == RuleUse::kLink || (rule.use == RuleUse::kAuto && (w <= kLinked || small_for_once));
  }

  void find_nullable() {
    // Whoever uses a rule may become nullable with it.
    const size_t n = facts_.size();
    std::vector<std::vector<RuleId>> users(n);
    std::vector<RuleId> todo;
    for (RuleId r = 0; r < n; ++r) {
      for_each_rule(g_.rules()[r].body, false, [&](RuleId used) { users[used].push_back(r); });
      todo.push_back(r);
    }
    while (!todo.empty()) {
      const RuleId r = todo.back();
      todo.pop_back();
      if (facts_[r].nullable || !nullable(g_.rules()[r].body)) continue;
      facts_[r].nullable = true;
      todo.insert(todo.end(), users[r].begin(), users[r].end());
    }
  }

  // A rule on a cycle of "may begin with", or -1.
  int find_left_recursion() const {
    const size_t n = facts_.size();
    std::vector<std::vector<RuleId>> lefts(n);
    std::vector<uint32_t> n_before(n);
    for (RuleId r = 0; r < n; ++r)
      for_each_rule(g_.rules()[r].body, true, [&](RuleId used) {
        lefts[r].push_back(used);
        ++n_before[used];
      });
    std::vector<RuleId> todo;
    for (RuleId r = 0; r < n; ++r)
      if (n_before[r] == 0) todo.push_back(r);
    size_t done = 0;
    for (; done < todo.size(); ++done)
      for (const RuleId used : lefts[todo[done]])
        if (--n_before[used] == 0) todo.push_back(used);
    if (done == n) return -1;
    // Rules that are left lie on a cycle or behind one: follow predecessors backwards, that is go on until
    // one repeats.
    std::vector<int> left_by(n, -1);
    for (RuleId r = 0; r < n; ++r)
      if (n_before[r] > 0)
        for (const RuleId used : lefts[r]) left_by[used] = static_cast<int>(r);
    std::vector<bool> seen(n);
    auto r = static_cast<size_t>(std::ranges::find_if(n_before, [](uint32_t c) { return c > 0; }) -
                                 n_before.begin());
    while (!seen[r]) {
      seen[r] = true;
      r = static_cast<size_t>(left_by[r]);
    }
    return static_cast<int>(r);
  }

  const Grammar& g_;
  std::vector<RuleFacts> facts_;
  std::vector<uint64_t> weights_;      // with what they are linked to
  std::vector<uint64_t> own_weights_;  // without
  std::vector<uint32_t> uses_;
};

}  // namespace

Result<std::vector<RuleFacts>> find_rule_facts(const Grammar& grammar) {
  return Facts(grammar).find();
}

}  // namespace gannet
