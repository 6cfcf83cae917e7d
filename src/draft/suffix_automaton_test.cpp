// The automaton against what its definition says, by brute force on short texts over few tokens.
#include "draft/suffix_automaton.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace gannet {
namespace {

using Text = std::vector<TokenId>;

SuffixAutomaton read(const Text& text) {
  SuffixAutomaton automaton;
  for (const TokenId token : text) automaton.append(token);
  return automaton;
}

Text small_alphabet(size_t most) {
  const TokenId n = *rc::gen::inRange(1, 4);
  return *rc::gen::resize(static_cast<int>(most), rc::gen::container<Text>(rc::gen::inRange<TokenId>(0, n)));
}

// How often `part` occurs in the text with something behind it, by what that is.
std::map<TokenId, int> followers(const Text& text, const Text& part) {
  std::map<TokenId, int> found;
  for (size_t i = 0; i + part.size() < text.size(); ++i)
    if (std::equal(part.begin(), part.end(), text.begin() + static_cast<ptrdiff_t>(i)))
      ++found[text[i + part.size()]];
  return found;
}

std::vector<uint32_t> edges_of(const SuffixAutomaton& automaton, uint32_t state) {
  std::vector<uint32_t> edges;
  for (uint32_t e = automaton.state(state).edge; e != SuffixAutomaton::kNone; e = automaton.edge(e).other)
    edges.push_back(e);
  return edges;
}

RC_GTEST_PROP(SuffixAutomaton, ReadsTheSubstringsAndNothingElse, ()) {
  const Text text = small_alphabet(60);
  const SuffixAutomaton automaton = read(text);
  std::set<Text> substrings;
  for (size_t i = 0; i < text.size(); ++i)
    for (size_t n = 1; i + n <= text.size(); ++n)
      substrings.insert(
          Text(text.begin() + static_cast<ptrdiff_t>(i), text.begin() + static_cast<ptrdiff_t>(i + n)));
  for (const Text& part : substrings) {
    uint32_t state = SuffixAutomaton::kRoot;
    for (const TokenId token : part) {
      const uint32_t e = automaton.find(state, token);
      RC_ASSERT(e != SuffixAutomaton::kNone);
      RC_ASSERT(automaton.edge(e).from == state && automaton.edge(e).token == token);
      state = automaton.edge(e).to;
    }
    const auto expected = followers(text, part);
    RC_ASSERT(edges_of(automaton, state).size() == expected.size());
    for (const uint32_t e : edges_of(automaton, state)) RC_ASSERT(expected.contains(automaton.edge(e).token));
  }
  // Each is read to exactly one state, so that states tell how many there are.
  size_t n = 0;
  for (uint32_t s = 1; s < automaton.n_states(); ++s)
    n += automaton.state(s).length - automaton.state(automaton.state(s).link).length;
  RC_ASSERT(n == substrings.size());
  RC_ASSERT(automaton.n_states() <= std::max<size_t>(2 * text.size(), 2));
  RC_ASSERT(automaton.n_edges() <= 3 * text.size());
}

RC_GTEST_PROP(SuffixAutomaton, MatchIsTheLongestEndThatOccurredBefore, ()) {
  const Text text = small_alphabet(80);
  SuffixAutomaton automaton;
  for (size_t size = 1; size <= text.size(); ++size) {
    automaton.append(text[size - 1]);
    const Text now(text.begin(), text.begin() + static_cast<ptrdiff_t>(size));
    size_t longest = 0;
    for (size_t n = 1; n < size; ++n)
      if (!followers(now, Text(now.end() - static_cast<ptrdiff_t>(n), now.end())).empty()) longest = n;
    RC_ASSERT(automaton.state(automaton.match()).length == longest);
  }
}

// The edges of a substring's state are those of what followed it, and none was taken more often than that.
void expect_counts(const Text& text, const Text& part, const SuffixAutomaton& automaton, uint32_t state,
                   bool all) {
  uint32_t total = 0, most = 0;
  for (const auto& [token, n] : followers(text, part)) {
    const uint32_t count = automaton.edge(automaton.find(state, token)).count;
    RC_ASSERT(count >= 1 && count <= static_cast<uint32_t>(n));
    if (all) RC_ASSERT(count == static_cast<uint32_t>(n));
    total += count;
    most = std::max(most, count);
  }
  RC_ASSERT(automaton.state(state).total == total);
  const uint32_t best = automaton.state(state).best;
  RC_ASSERT((total == 0 ? best == SuffixAutomaton::kNone : automaton.edge(best).count == most));
}

void expect_counts(const Text& text, bool all) {
  const SuffixAutomaton automaton = read(text);
  expect_counts(text, {}, automaton, SuffixAutomaton::kRoot, all);
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t state = SuffixAutomaton::kRoot;
    Text part;
    for (size_t k = i; k < text.size(); ++k) {
      part.push_back(text[k]);
      state = automaton.edge(automaton.find(state, text[k])).to;
      expect_counts(text, part, automaton, state, all);
    }
  }
}

RC_GTEST_PROP(SuffixAutomaton, CountsNoMoreThanFollowed, ()) {
  expect_counts(small_alphabet(40), false);
}

// Where no end of the text has more shorter ones than are counted, nothing is left out.
RC_GTEST_PROP(SuffixAutomaton, CountsAllThatFollowedInShortTexts, ()) {
  const Text text = *rc::gen::container<Text>(SuffixAutomaton::kCounted + 1, rc::gen::inRange<TokenId>(0, 3));
  expect_counts(text, true);
}

void expect_equal(const SuffixAutomaton& a, const SuffixAutomaton& b) {
  RC_ASSERT(a.n_states() == b.n_states());
  RC_ASSERT(a.n_edges() == b.n_edges());
  RC_ASSERT(a.n_changes() == b.n_changes());
  RC_ASSERT(a.last() == b.last());
  for (uint32_t s = 0; s < a.n_states(); ++s) {
    const auto &x = a.state(s), &y = b.state(s);
    RC_ASSERT(x.length == y.length && x.link == y.link && x.edge == y.edge && x.best == y.best &&
              x.total == y.total);
  }
  for (uint32_t e = 0; e < a.n_edges(); ++e) {
    const auto &x = a.edge(e), &y = b.edge(e);
    RC_ASSERT(x.from == y.from && x.to == y.to && x.token == y.token && x.other == y.other &&
              x.count == y.count);
    RC_ASSERT(a.find(x.from, x.token) == e);
  }
}

RC_GTEST_PROP(SuffixAutomaton, ShrinksToWhatItWas, ()) {
  const Text text = small_alphabet(200), other = small_alphabet(100);
  const size_t kept = *rc::gen::inRange<size_t>(0, text.size() + 1);
  SuffixAutomaton automaton = read(text);
  while (automaton.size() > kept) automaton.remove_last();
  Text now(text.begin(), text.begin() + static_cast<ptrdiff_t>(kept));
  expect_equal(automaton, read(now));
  for (const TokenId token : other) automaton.append(token);
  now.insert(now.end(), other.begin(), other.end());
  expect_equal(automaton, read(now));
}

}  // namespace
}  // namespace gannet
