// What watches an answer: the budget of its thoughts, and whether it turns in a circle.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "sample/repetition_stop.h"
#include "sample/thought_budget.h"
#include "text/vocabulary_for_test.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;

const Vocabulary& bytes() {
  static const Tokenizer made = VocabularyForTest::with_bytes().build().take();
  return made.vocabulary();
}

// What comes when the model says this: its tokens where nothing is forced.
Ids run(const ThoughtRules& rules, const Ids& says, size_t n) {
  ThoughtBudget budget(rules, bytes());
  Ids text;
  for (size_t i = 0; i < n; ++i) {
    text.push_back(budget.forced().value_or(says[i % says.size()]));
    budget.accept(text.back());
  }
  return text;
}

ThoughtRules rules(int64_t budget, bool open_at_start = true) {
  return {.budget = budget,
          .open = {{'<', 't'}},
          .close = {{'/', 't'}, {'E'}},
          .open_at_start = open_at_start,
          .message = {'!', '/', 't'}};
}

TEST(ThoughtBudget, ForcesTheMessageAfterTheBudget) {
  EXPECT_EQ(run(rules(3), {'a'}, 8), (Ids{'a', 'a', 'a', '!', '/', 't', 'a', 'a'}));
  EXPECT_EQ(run(rules(0), {'a'}, 5), (Ids{'!', '/', 't', 'a', 'a'}));
  EXPECT_EQ(run(rules(-1), {'a'}, 5), (Ids{'a', 'a', 'a', 'a', 'a'}));
  EXPECT_EQ(run(rules(2, false), {'a'}, 5), (Ids{'a', 'a', 'a', 'a', 'a'})) << "no thought";
  EXPECT_EQ(run(rules(2, false), {'x', '<', 't', 'a', 'b', 'c'}, 9),
            (Ids{'x', '<', 't', 'a', 'b', '!', '/', 't', 't'}));
}

TEST(ThoughtBudget, AThoughtThatEndsByItselfIsLeftAlone) {
  EXPECT_EQ(run(rules(3), {'a', '/', 't', 'b', 'c', 'd'}, 6), (Ids{'a', '/', 't', 'b', 'c', 'd'}));
  EXPECT_EQ(run(rules(3), {'a', 'b', 'E', 'c', 'd', 'e'}, 6), (Ids{'a', 'b', 'E', 'c', 'd', 'e'}));
  // The next thought has the whole budget again.
  EXPECT_EQ(run(rules(3), {'a', 'E', '<', 't', '1', '2', '3', '4'}, 8),
            (Ids{'a', 'E', '<', 't', '1', '2', '3', '!'}));
}

TEST(ThoughtBudget, CharactersAreNotCut) {
  // U+4E2D has three bytes.
  EXPECT_EQ(run(rules(2), {'a', 0xE4, 0xB8, 0xAD, 'b'}, 6), (Ids{'a', 0xE4, 0xB8, 0xAD, '!', '/'}));
  EXPECT_EQ(run(rules(4), {'a', 0xE4, 0xB8, 0xAD, 'b'}, 6), (Ids{'a', 0xE4, 0xB8, 0xAD, '!', '/'}));
  // A sequence that never ends is not waited for.
  EXPECT_EQ(run(rules(1), {0xF0, 0x9F, 0xF0, 0x9F, 0xF0, 0x9F, 0xF0}, 6),
            (Ids{0xF0, 0x9F, 0xF0, 0x9F, '!', '/'}));
}

TEST(RepetitionStop, NoticesCircles) {
  const auto stops_at = [](const RepetitionRules& rules, const Ids& text) {
    RepetitionStop stop(rules);
    for (size_t n = 1; n <= text.size(); ++n)
      if (stop.accept(std::span(text).first(n))) return n;
    return size_t{0};
  };
  const RepetitionRules three{.longest = 3, .times = 3, .least = 1};
  EXPECT_EQ(stops_at(three, {1, 2, 3, 1, 2, 3, 1, 2, 3, 1}), 9u);
  EXPECT_EQ(stops_at(three, {9, 9, 4, 4, 4}), 5u);
  EXPECT_EQ(stops_at(three, {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4}), 0u)
      << "longer than looked for";
  EXPECT_EQ(stops_at(three, {1, 2, 1, 2, 5, 1, 2}), 0u);
  EXPECT_EQ(stops_at({.longest = 3, .times = 3, .least = 8}, Ids(20, 4)), 8u);
  EXPECT_EQ(stops_at({.longest = 0, .times = 3, .least = 1}, Ids(20, 4)), 0u) << "off";
}

RC_GTEST_PROP(RepetitionStop, EqualsThePlainRule, ()) {
  const RepetitionRules rules{.longest = *rc::gen::inRange(0, 5),
                              .times = *rc::gen::inRange(2, 5),
                              .least = *rc::gen::inRange(0, 12)};
  const Ids text = *rc::gen::container<Ids>(rc::gen::inRange<TokenId>(0, 2));
  RepetitionStop stop(rules);
  for (size_t n = 1; n <= text.size(); ++n) {
    bool expected = false;
    for (int p = 1; p <= rules.longest; ++p) {
      // The least tokens that fulfil both.
      const auto whole = static_cast<size_t>(std::max(p * rules.times, rules.least));
      if (whole > n) continue;
      bool same = true;
      for (size_t i = n - whole + static_cast<size_t>(p); i < n; ++i)
        same = same && text[i] == text[i - static_cast<size_t>(p)];
      expected = expected || same;
    }
    RC_ASSERT(stop.accept(std::span(text).first(n)) == expected);
  }
}

}  // namespace
}  // namespace gannet
