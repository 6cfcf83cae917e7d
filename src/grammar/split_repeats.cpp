#include <algorithm>

#include "grammar/rule_facts.h"

namespace gannet {
namespace {

constexpr uint32_t kChunk = 256;       // a chunk that a rule repeats
constexpr uint32_t kMostCopies = 512;  // up to here a repeat is copies, one state of masks for each
constexpr uint64_t kLarge = 100;       // states: what is this large and repeated becomes a rule first
constexpr uint64_t kMostStates = 2000;
constexpr uint64_t kMostWeight = uint64_t{1} << 31;

class Splitter {
 public:
  explicit Splitter(const Grammar& grammar) : g_(grammar) {}

  Grammar run() {
    const size_t n = g_.n_exprs();
    std::vector<uint64_t> weights(n, 1);
    for (ExprId id = 0; id < n; ++id) {
      const Grammar::Expr e = g_.expr(id);
      switch (e.kind) {
        case ExprKind::kLiteral:
          weights[id] = e.count;
          break;
        case ExprKind::kRule:
          weights[id] = 2;
          break;
        case ExprKind::kSequence:
        case ExprKind::kChoice:
        case ExprKind::kBoth:
        case ExprKind::kExcept:
          for (const ExprId part : g_.parts(e)) weights[id] += weights[part];
          break;
        case ExprKind::kRepeat:
          weights[id] = split(id, weights[e.first]);
          break;
        default:
          break;
      }
      weights[id] = std::min(weights[id], kMostWeight);
    }
    return std::move(g_);
  }

 private:
  // Returns the states it takes now.
  uint64_t split(ExprId id, uint64_t weight) {
    const Grammar::Expr e = g_.expr(id);
    const uint32_t n = e.max == kUnbounded ? e.count : e.max;
    ExprId what = e.first;
    const bool as_rule = weight > kLarge && weight * n > kMostStates;
    if (as_rule) {
      what = rule(what);
      weight = 2;
    }
    if (n <= kMostCopies) {
      if (as_rule) g_.replace(id, g_.repeat(what, e.count, e.max));
      return weight * (uint64_t{n} + 1);
    }
    const ExprId required = exactly(what, e.count);
    g_.replace(id, e.max == kUnbounded ? g_.sequence({required, g_.repeat(what, 0)})
                                       : g_.sequence({required, at_most(what, e.max - e.count)}));
    return weight * kMostCopies * 4;
  }

  ExprId rule(ExprId body) {
    const RuleId r = g_.add_rule("repeated", RuleUse::kCall);
    g_.define(r, body);
    return g_.rule(r);
  }
  ExprId chunk(ExprId what) { return rule(g_.repeat(what, kChunk, kChunk)); }

  ExprId exactly(ExprId what, uint32_t n) {
    if (n <= kMostCopies) return g_.repeat(what, n, n);
    return g_.sequence({exactly(chunk(what), n / kChunk), g_.repeat(what, n % kChunk, n % kChunk)});
  }

  ExprId at_most(ExprId what, uint32_t n) {
    if (n <= kMostCopies) return g_.repeat(what, 0, n);
    const uint32_t chunks = n / kChunk, rest = n % kChunk;
    const ExprId full = chunk(what);
    return g_.choice({g_.sequence({at_most(full, chunks - 1), g_.repeat(what, 0, kChunk - 1)}),
                      g_.sequence({exactly(full, chunks), g_.repeat(what, 0, rest)})});
  }

  Grammar g_;
};

}  // namespace

Grammar with_split_repeats(const Grammar& grammar) {
  return Splitter(grammar).run();
}

}  // namespace gannet
