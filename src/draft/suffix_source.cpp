#include "draft/suffix_source.h"

#include <algorithm>

#include "draft/match_rates.h"
#include "draft/suffix_automaton.h"

namespace gannet {
namespace {

class SuffixSource : public TokenSource {
 public:
  SuffixSource(int n_max, float least) : n_max_(n_max), least_(least) {}

  void begin(std::span<const TokenId> history, size_t n_kept) override {
    if (n_kept < text_.size() / 2) {
      text_.clear();
      rates_.clear();
    }
    for (; text_.size() > n_kept; text_.remove_last()) rates_.forget_last();
    append(history);
  }

  // Each token tells how right the guess for it was, before it becomes part of what guesses are made from.
  void append(std::span<const TokenId> history) override {
    while (text_.size() < history.size()) {
      const TokenId token = history[text_.size()];
      const uint32_t match = text_.match();
      if (match == SuffixAutomaton::kRoot)
        rates_.learn_nothing();
      else
        rates_.learn(class_of(match, text_.state(match).length), guess(match).token == token);
      text_.append(token);
    }
  }

  void draft(std::span<const TokenId>, int n_most, std::vector<DraftToken>& out) override {
    uint32_t state = text_.match();
    if (state == SuffixAutomaton::kRoot) return;
    uint32_t length = text_.state(state).length;
    float survival = 1;
    for (int i = 0; i < std::min(n_most, n_max_); ++i, ++length) {
      if (state == text_.last()) {  // nothing follows it: on with what its longest end was followed by
        state = text_.match();
        length = text_.state(state).length;
      }
      const float chance = rates_.chance(class_of(state, length));
      survival *= chance;
      if (survival < least_) return;
      out.push_back({.token = guess(state).token, .confidence = chance});
      state = guess(state).to;
    }
  }
  void verified(int, int) override {}

 private:
  const SuffixAutomaton::Edge& guess(uint32_t state) const { return text_.edge(text_.state(state).best); }

  MatchClass class_of(uint32_t state, uint32_t length) const {
    const SuffixAutomaton::State& s = text_.state(state);
    const SuffixAutomaton::Edge& best = text_.edge(s.best);
    const bool agrees = s.link == SuffixAutomaton::kRoot || guess(s.link).token == best.token;
    return {length, best.count, s.total - best.count, agrees};
  }

  int n_max_;
  float least_;
  SuffixAutomaton text_;
  MatchRates rates_;
};

}  // namespace

std::unique_ptr<TokenSource> make_suffix_source(int n_max, float least) {
  return std::make_unique<SuffixSource>(n_max, least);
}

}  // namespace gannet
