// DRY against a plain search for repetitions; breakers that lie across tokens.
#include "sample/dry.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "sample/plain_sampler_for_test.h"
#include "text/vocabulary_for_test.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;

std::map<TokenId, double> found(const SamplingParams& p, const Ids& history) {
  DryScratch scratch;
  std::vector<LogitBias> out;
  find_dry_penalties(p, history, &scratch, &out);
  std::map<TokenId, double> lost;
  for (const LogitBias& b : out) lost[b.token] = -double{b.bias};
  EXPECT_EQ(lost.size(), out.size());
  EXPECT_TRUE(std::ranges::is_sorted(out, {}, &LogitBias::token));
  return lost;
}

SamplingParams with(float multiplier, int allowed) {
  SamplingParams p;
  p.dry_multiplier = multiplier;
  p.dry_allowed_length = allowed;
  p.dry_base = 2;
  p.dry_penalty_last_n = -1;
  return p;
}

TEST(Dry, ByHand) {
  // "a b c d ... a b c" would go on with d: three tokens repeated, one more than allowed.
  EXPECT_EQ(found(with(1, 2), {1, 2, 3, 4, 9, 1, 2, 3}), (std::map<TokenId, double>{{4, 2}}));
  EXPECT_EQ(found(with(1, 3), {1, 2, 3, 4, 9, 1, 2, 3}), (std::map<TokenId, double>{{4, 1}}));
  EXPECT_TRUE(found(with(1, 4), {1, 2, 3, 4, 9, 1, 2, 3}).empty());
  // The longer of two repetitions counts.
  EXPECT_EQ(found(with(1, 1), {5, 3, 4, 1, 2, 3, 4, 9, 2, 3}), (std::map<TokenId, double>{{4, 2}}));
  // A repetition may overlap itself.
  EXPECT_EQ(found(with(1, 2), {7, 7, 7, 7}), (std::map<TokenId, double>{{7, 2}}));
  EXPECT_TRUE(found(with(1, 2), {}).empty());
  EXPECT_TRUE(found(with(1, 2), {1}).empty());
  SamplingParams p = with(1, 2);
  p.dry_penalty_last_n = 7;
  EXPECT_EQ(found(p, {1, 2, 3, 4, 9, 1, 2, 3}), (std::map<TokenId, double>{{4, 1}}));
  p.dry_penalty_last_n = 6;
  EXPECT_TRUE(found(p, {1, 2, 3, 4, 9, 1, 2, 3}).empty()) << "that is too long ago";
}

TEST(Dry, PenaltiesStayNumbers) {
  SamplingParams p = with(1, 1);
  const auto lost = found(p, Ids(5000, 3));
  EXPECT_EQ(lost, (std::map<TokenId, double>{{3, 1e6}}));
}

struct Words {
  std::vector<std::string> pieces;
  Tokenizer tokenizer;
};
const Words& words() {
  static const Words made = [] {
    VocabularyForTest v = VocabularyForTest::with_bytes();
    for (const char* text : {"ab", "bc", "abc", "a\n", "\n\nb", "ca", "bca", "cc"}) v.add(map_bytes(text));
    Tokenizer tokenizer = v.build().take();
    std::vector<std::string> pieces;
    for (TokenId id = 0; id < tokenizer.vocabulary().size(); ++id)
      pieces.emplace_back(tokenizer.vocabulary().piece(id));
    return Words{std::move(pieces), std::move(tokenizer)};
  }();
  return made;
}

RC_GTEST_PROP(Dry, EqualsThePlainSearch, ()) {
  SamplingParams p;
  p.dry_multiplier = *rc::gen::element(0.5f, 1.0f);
  p.dry_base = *rc::gen::element(1.0f, 1.75f);
  p.dry_allowed_length = *rc::gen::inRange(0, 4);
  p.dry_penalty_last_n = *rc::gen::element(-1, 3, 20);
  const auto breakers = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("\n", "c", "bc", "a\n\nb", "cab", "bcab", "zz"));
  if (!breakers.empty())
    p.dry_breakers = DryBreakers::create(words().tokenizer.vocabulary(), breakers).take();
  const auto n_ids = words().tokenizer.vocabulary().size();
  const Ids history = *rc::gen::container<Ids>(rc::gen::oneOf(
      rc::gen::element<TokenId>('a', 'b', 'c', '\n', 'x'), rc::gen::inRange<TokenId>(256, n_ids)));
  const PlainSampler plain(p, words().pieces, breakers);
  const auto expected = plain.dry(history), got = found(p, history);
  RC_ASSERT(got.size() == expected.size());
  for (const auto& [token, lost] : expected) {
    RC_ASSERT(got.contains(token));
    RC_ASSERT(std::abs(got.at(token) - lost) <= 1e-5 * lost);
  }
}

TEST(Dry, BreakersAcrossTokens) {
  const Vocabulary& v = words().tokenizer.vocabulary();
  const auto breakers = DryBreakers::create(v, std::vector<std::string>{"abca"}).take();
  EXPECT_EQ(breakers->tokens_behind(Ids{'x', 'a', 'b', 'c', 'a', 'x'}), 1u);
  EXPECT_EQ(breakers->tokens_behind(Ids{258, 'a'}), 0u) << "abc, a";
  EXPECT_EQ(breakers->tokens_behind(Ids{'a', 262, 'b', 'b'}), 2u) << "a, bca";
  EXPECT_EQ(breakers->tokens_behind(Ids{'a', 'b', 'b', 'c', 'a'}), 5u);
  EXPECT_EQ(breakers->tokens_behind(Ids{-1, 1 << 30}), 2u) << "ids of no token";
  EXPECT_FALSE(DryBreakers::create(v, std::vector<std::string>{""}).ok());
  EXPECT_FALSE(DryBreakers::create(v, std::vector<std::string>(1000, "x")).ok());
}

}  // namespace
}  // namespace gannet
