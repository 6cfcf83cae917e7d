// Masks against the definition: a token is allowed when the grammar can read its bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "grammar/gbnf.h"
#include "grammar/grammar_constraint.h"
#include "grammar/grammar_for_test.h"
#include "text/vocabulary_for_test.h"

namespace gannet {
namespace {

using testing::HasSubstr;

bool bit(std::span<const uint64_t> mask, TokenId t) {
  return (mask[static_cast<size_t>(t) / 64] >> (static_cast<size_t>(t) % 64)) & 1;
}

struct World {
  explicit World(const std::vector<std::string>& words) {
    auto v = VocabularyForTest::with_bytes();
    for (const std::string& w : words) ids.push_back(v.add(map_bytes(w)));
    call = v.add("<tool_call>", TokenType::kControl);
    user = v.add("<think>", TokenType::kUserDefined);
    end = v.add("<|im_end|>", TokenType::kControl);
    unused = v.add("[PAD1]", TokenType::kUnused);
    tokenizer = std::make_unique<Tokenizer>(v.build().take());
    trie = TokenTrie::build(tokenizer->vocabulary());
  }
  const Vocabulary& vocabulary() const { return tokenizer->vocabulary(); }
  GrammarConstraint constraint(std::string_view gbnf) const {
    return GrammarConstraint::create(parse_gbnf(gbnf).take(), trie).take();
  }
  std::unique_ptr<Tokenizer> tokenizer;
  std::shared_ptr<const TokenTrie> trie;
  std::vector<TokenId> ids;
  TokenId call, user, end, unused;
};

std::vector<std::string> short_words() {
  std::vector<std::string> all = {"a", "b", "c"};
  for (size_t i = 0; i < all.size() && all[i].size() < 4; ++i)
    for (const char c : {'a', 'b', 'c'}) all.push_back(all[i] + c);
  all.erase(all.begin(), all.begin() + 3);  // they are byte tokens
  return all;
}

RC_GTEST_PROP(TokenMasks, AreWhatTheGrammarReads,
              (const std::vector<uint8_t>& program, const std::vector<uint8_t>& picks)) {
  static const World world(short_words());
  auto automaton = Automaton::compile(grammar_of_program(program));
  if (!automaton.ok()) RC_DISCARD("refused");
  auto constraint = GrammarConstraint::create(grammar_of_program(program), world.trie).take();
  StackTable stacks(*automaton);
  StackTable::Id config = stacks.start();
  std::vector<uint8_t> steps = picks;
  steps.push_back(0);
  for (const uint8_t pick : steps) {
    const auto mask = constraint.allowed();
    RC_ASSERT(mask.ok());
    std::vector<TokenId> allowed;
    for (TokenId t = 0; t < world.vocabulary().size(); ++t) {
      bool expected = stacks.complete(config);
      if (t != world.end) {
        StackTable::Id c = config;
        for (const char byte : world.vocabulary().piece(t)) c = stacks.next(c, static_cast<uint8_t>(byte));
        expected = c != StackTable::kDead;
      }
      if (bit(*mask, t) != expected)
        RC_FAIL("token " + quoted(world.vocabulary().piece(t)) + (expected ? " is missing" : " is too much"));
      RC_ASSERT(constraint.allows(t) == expected);
      if (expected) allowed.push_back(t);
    }
    const TokenId next = allowed[pick % allowed.size()];
    GrammarConstraint copy = constraint;
    constraint.accept(next);
    if (next == world.end) break;
    // The copy is where it was.
    RC_ASSERT(copy.allows(next));
    for (const char byte : world.vocabulary().piece(next))
      config = stacks.next(config, static_cast<uint8_t>(byte));
  }
}

TEST(GrammarConstraint, EndsExactlyWhenComplete) {
  const World world({"ab"});
  auto c = world.constraint("root ::= \"ab\" \"c\"?");
  EXPECT_FALSE(c.complete());
  EXPECT_FALSE(bit(*c.allowed(), world.end));
  c.accept(world.ids[0]);
  EXPECT_TRUE(c.complete());
  EXPECT_FALSE(c.only_end());
  EXPECT_TRUE(bit(*c.allowed(), world.end));
  EXPECT_TRUE(bit(*c.allowed(), 'c'));
  auto ended = c;
  ended.accept(world.end);
  EXPECT_TRUE(ended.ended());
  EXPECT_TRUE(bit(*ended.allowed(), world.end));
  EXPECT_FALSE(bit(*ended.allowed(), 'c'));
  c.accept('c');
  EXPECT_TRUE(c.only_end());
  EXPECT_TRUE(c.complete());
}

TEST(GrammarConstraint, MasksOutliveOtherCopies) {
  const World world({});
  auto a = world.constraint("root ::= \"abc\"");
  const auto first = *a.allowed();
  auto b = a;
  b.accept('a');
  const auto second = *b.allowed();
  b = a;
  EXPECT_TRUE(bit(first, 'a'));
  EXPECT_FALSE(bit(first, 'b'));
  (void)second;
}

TEST(GrammarConstraint, ControlTokensOnlyWhereTheyAreNamed) {
  const World world({});
  auto text = world.constraint("root ::= .*");
  const auto mask = *text.allowed();
  EXPECT_FALSE(bit(mask, world.call));
  EXPECT_FALSE(bit(mask, world.unused));
  EXPECT_TRUE(bit(mask, world.user));  // ordinary text, in one token
  EXPECT_FALSE(bit(mask, 0xFF));       // occurs in no UTF-8
  EXPECT_TRUE(bit(mask, 0xC3));
  EXPECT_FALSE(bit(mask, 0x80));  // begins no character
  text.accept(0xC3);
  EXPECT_TRUE(bit(*text.allowed(), 0xA9));
  EXPECT_FALSE(bit(*text.allowed(), 'a'));
  EXPECT_FALSE(bit(*text.allowed(), world.end));  // within a character

  auto named = world.constraint("root ::= <tool_call> \"x\"");
  EXPECT_TRUE(bit(*named.allowed(), world.call));
  EXPECT_TRUE(bit(*named.allowed(), '<'));  // the same in ordinary tokens
  named.accept(world.call);
  EXPECT_TRUE(bit(*named.allowed(), 'x'));
  EXPECT_FALSE(bit(*named.allowed(), world.call));
}

TEST(GrammarConstraint, SaysWhatIsWrong) {
  const World world({});
  auto c = world.constraint("root ::= \"ab\"");
  c.accept('x');
  EXPECT_THAT(c.allowed().error().message(), HasSubstr("does not follow the grammar"));
  auto v = VocabularyForTest();
  v.add("a");
  v.add("b");
  const auto tokenizer = v.build().take();
  auto d = GrammarConstraint::create(parse_gbnf("root ::= \"ac\"").take(),
                                     TokenTrie::build(tokenizer.vocabulary()))
               .take();
  ASSERT_TRUE(d.allowed().ok());
  d.accept(0);
  EXPECT_THAT(d.allowed().error().message(), HasSubstr("no token of the vocabulary fits"));
}

// Most states of a counted repeat share their masks; those near the bound do not.
TEST(TokenMasks, CountsUpToTheBound) {
  const World world({"aa", "aaa", "aaaa", "aab", "\xC3\xA9\xC3\xA9"});
  auto c = world.constraint("root ::= [^b]{3,40} \"b\"");
  for (int left = 40; left > 0; --left) {
    const auto mask = *c.allowed();
    EXPECT_EQ(bit(mask, world.ids[0]), left >= 2) << left;
    EXPECT_EQ(bit(mask, world.ids[1]), left >= 3) << left;
    EXPECT_EQ(bit(mask, world.ids[2]), left >= 4) << left;
    EXPECT_EQ(bit(mask, world.ids[3]), left >= 2 && left <= 39) << left;
    EXPECT_EQ(bit(mask, world.ids[4]), left >= 2) << left;
    EXPECT_EQ(bit(mask, 'b'), left <= 37) << left;
    c.accept('a');
  }
  EXPECT_FALSE(bit(*c.allowed(), 'a'));
}

}  // namespace
}  // namespace gannet
