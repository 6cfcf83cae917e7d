// Grammars against their languages: what an automaton with stacks recognises is what the expressions mean.
#include "grammar/grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "grammar/grammar_for_test.h"
#include "text/utf8.h"

namespace gannet {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::vector<std::string> all_texts(size_t length) {
  std::vector<std::string> all = {""};
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i].size() < length)
      for (const char c : {'a', 'b', 'c'}) all.push_back(all[i] + c);
  return all;
}

RC_GTEST_PROP(Grammar, RecognisesItsLanguage, (const std::vector<uint8_t>& program)) {
  constexpr size_t kLength = 5;
  static const std::vector<std::string> all = all_texts(kLength);
  const Grammar g = grammar_of_program(program);
  auto automaton = Automaton::compile(g);
  if (!automaton.ok()) {
    const std::string& why = automaton.error().message();
    if (why.find("no text at all") != std::string::npos)
      RC_ASSERT(BruteForce(g, kLength).texts().empty());
    else if (why.find("too large") == std::string::npos)
      RC_ASSERT(why.find("begins with itself") != std::string::npos ||
                why.find("recursive") != std::string::npos);
    RC_DISCARD("refused");
  }
  const auto language = BruteForce(g, kLength).texts();
  StackTable stacks(*automaton);
  for (const std::string& text : all)
    if (matches(&stacks, text) != language.contains(text)) {
      RC_LOG() << g.to_text() << "text: " << text << " is in: " << language.contains(text);
      RC_FAIL("differs");
    }
  // What is not dead can be completed: with few states a short text shows it.
  for (const std::string& text : language) {
    StackTable::Id config = stacks.start();
    for (const char c : text) {
      RC_ASSERT(config != StackTable::kDead);
      config = stacks.next(config, static_cast<uint8_t>(c));
    }
  }
}

RC_GTEST_PROP(Grammar, ForgettingOtherSetsChangesNothing,
              (const std::vector<uint8_t>& program, const std::string& text)) {
  const Grammar g = grammar_of_program(program);
  auto automaton = Automaton::compile(g);
  if (!automaton.ok()) RC_DISCARD("refused");
  StackTable once(*automaton), often(*automaton);
  StackTable::Id a = once.start(), b = often.start();
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>('a' + static_cast<uint8_t>(c) % 3);
    a = once.next(a, byte);
    b = often.next(b, byte);
    StackTable::Id* const live[] = {&b};
    often.keep_only(live);
    RC_ASSERT(once.complete(a) == often.complete(b));
    RC_ASSERT((a == StackTable::kDead) == (b == StackTable::kDead));
  }
}

RC_GTEST_PROP(CodePointSet, EncodesExactlyItsMembers,
              (const std::vector<std::pair<uint32_t, uint16_t>>& ranges)) {
  CodePointSet set;
  for (const auto& [first, length] : ranges) {
    const char32_t from = first % (kLastCodePoint + 1);
    set.add(from, std::min<char32_t>(from + length % 5000, kLastCodePoint));
  }
  const auto encodings = utf8_ranges(set);
  const CodePointSet others = set.complement();
  for (const CodePointRange& r : set.ranges())
    for (const char32_t c : std::initializer_list<char32_t>{r.first, (r.first + r.last) / 2, r.last}) {
      RC_ASSERT(set.contains(c) && !others.contains(c));
      std::string text;
      append_utf8(c, &text);
      const auto fits = [&](const Utf8Range& e) {
        bool all = static_cast<size_t>(e.length) == text.size();
        for (size_t i = 0; all && i < text.size(); ++i)
          all = e.low[i] <= static_cast<uint8_t>(text[i]) && static_cast<uint8_t>(text[i]) <= e.high[i];
        return all;
      };
      RC_ASSERT(std::ranges::count_if(encodings, fits) == 1);
    }
  size_t n_members = 0, n_encoded = 0;
  for (const CodePointRange& r : set.ranges()) n_members += r.last - r.first + 1;
  for (const Utf8Range& e : encodings) {
    size_t n = 1;
    for (size_t i = 0; i < static_cast<size_t>(e.length); ++i) n *= e.high[i] - e.low[i] + 1u;
    n_encoded += n;
  }
  RC_ASSERT(n_members == n_encoded);
}

TEST(CodePointSet, AllIsAllOfUtf8) {
  size_t n = 0;
  for (const Utf8Range& e : utf8_ranges(CodePointSet::all())) {
    size_t product = 1;
    for (size_t i = 0; i < static_cast<size_t>(e.length); ++i) product *= e.high[i] - e.low[i] + 1u;
    n += product;
  }
  EXPECT_EQ(n, 0x110000u - 0x800u);
}

// Repeats too large to be copied are split into rules; here they must count right at every border.
TEST(Grammar, CountsLargeRepeats) {
  for (const auto& [min, max] :
       {std::pair<uint32_t, uint32_t>{0, 700}, {600, 600}, {1000, kUnbounded}, {513, 70000}, {3, 131073}}) {
    Grammar g;
    const RuleId root = g.add_rule("root");
    g.define(root, g.sequence({g.repeat(g.literal("a"), min, max), g.literal("b")}));
    StackTable stacks(Automaton::compile(g).take());
    StackTable::Id config = stacks.start();
    const uint32_t last = max == kUnbounded ? min + 2000 : max;
    for (uint32_t n = 0; n <= last; ++n) {
      ASSERT_EQ(stacks.complete(stacks.next(config, 'b')), n >= min) << n << " of " << min << " to " << max;
      config = stacks.next(config, 'a');
      ASSERT_EQ(config == StackTable::kDead, n == max);
    }
  }
}

TEST(Grammar, StacksOfRightRecursionDoNotGrow) {
  Grammar g;
  const RuleId root = g.add_rule("root"), item = g.add_rule("item", RuleUse::kCall);
  g.define(root, g.choice({g.literal("."), g.sequence({g.rule(item), g.rule(root)})}));
  g.define(item, g.choice({g.literal("x"), g.sequence({g.literal("("), g.rule(root), g.literal(")")})}));
  StackTable stacks(Automaton::compile(g).take());
  EXPECT_TRUE(matches(&stacks, std::string(100000, 'x') + "."));
  EXPECT_LT(stacks.bytes_used(), 100000u);
  // Nesting is limited, and the grammar itself says so: the text ends there, nothing else happens.
  EXPECT_TRUE(matches(
      &stacks, std::string(600, '(') + "x." + [] {
        std::string closing;
        for (int i = 0; i < 600; ++i) closing += ").";
        return closing;
      }()));
  EXPECT_FALSE(matches(&stacks, std::string(100000, '(')));
  EXPECT_FALSE(stacks.failed());
}

TEST(Grammar, AmbiguityCostsNoStacks) {
  Grammar g;
  const RuleId s = g.add_rule("s"), a = g.add_rule("a", RuleUse::kCall), b = g.add_rule("b", RuleUse::kCall);
  g.define(s, g.choice({g.literal("."), g.rule(a), g.rule(b)}));
  g.define(a, g.sequence({g.literal("x"), g.rule(s), g.literal("y")}));
  g.define(b, g.sequence({g.literal("x"), g.rule(s), g.literal("y")}));
  StackTable stacks(Automaton::compile(g).take());
  EXPECT_TRUE(matches(&stacks, std::string(500, 'x') + "." + std::string(500, 'y')));
  EXPECT_FALSE(matches(&stacks, std::string(500, 'x') + "." + std::string(501, 'y')));
  EXPECT_LT(stacks.bytes_used(), 4u << 20);
}

std::string refusal(const Grammar& g) {
  auto result = Automaton::compile(g);
  return result.ok() ? "" : result.error().message();
}

TEST(Grammar, RefusesWithASentence) {
  Grammar left;
  const RuleId root = left.add_rule("root"), other = left.add_rule("other");
  left.define(root, left.sequence({left.optional(left.literal("x")), left.rule(other)}));
  left.define(other, left.choice({left.literal("y"), left.sequence({left.rule(root), left.literal("z")})}));
  EXPECT_THAT(refusal(left),
              AnyOf(HasSubstr("\"root\" begins with itself"), HasSubstr("\"other\" begins with itself")));

  Grammar none;
  none.define(none.add_rule("root"), none.sequence({none.literal("x"), none.rule(0)}));
  EXPECT_THAT(refusal(none), HasSubstr("no text at all"));

  // (a|b)*a(a|b){n} needs 2^n states.
  Grammar large;
  ByteSet ab;
  ab['a'] = ab['b'] = true;
  const RuleId r = large.add_rule("root");
  large.define(r, large.sequence({large.repeat(large.bytes(ab), 0), large.literal("a"),
                                  large.repeat(large.bytes(ab), 40, 40)}));
  EXPECT_THAT(refusal(large), HasSubstr("too large"));

  Grammar deep;
  const RuleId d = deep.add_rule("root");
  ExprId e = deep.literal("x");
  for (int i = 0; i < 100000; ++i) e = deep.sequence({deep.literal("("), e});
  deep.define(d, e);
  EXPECT_THAT(refusal(deep), HasSubstr("nested too deep"));
}

TEST(Grammar, PrintsItself) {
  Grammar g;
  const RuleId root = g.add_rule("root"), item = g.add_rule("item");
  ByteSet digits;
  for (size_t b = '0'; b <= '9'; ++b) digits.set(b);
  g.define(item, g.choice({g.repeat(g.bytes(digits), 1), g.literal("a\"\n")}));
  g.define(root, g.sequence({g.literal("["), g.repeat(g.choice({g.rule(item), g.literal("]")}), 0, 5),
                             g.empty(), g.except(g.rule(item), g.literal("7"))}));
  EXPECT_EQ(g.to_text(),
            "root = root ::= \"[\" (item | \"]\"){0,5} (item - \"7\")\n"
            "item ::= [0-9]+ | \"a\\\"\\n\"\n");
  Grammar whole;
  whole.set_root(whole.import(g));
  EXPECT_EQ(whole.to_text(), g.to_text());
}

}  // namespace
}  // namespace gannet
