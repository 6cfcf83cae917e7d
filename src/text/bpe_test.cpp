// Merging against the rule as it is stated, on strings, for random small vocabularies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "text/vocabulary_for_test.h"
#include "text/word_merger.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;

struct Bpe {
  explicit Bpe(const VocabularyForTest& v)
      : tokens(v.tokens.begin(), v.tokens.end()), merges(v.merges.begin(), v.merges.end()) {
    VocabularySource source;
    source.tokens = tokens;
    source.types = v.types;
    source.merges = merges;
    auto built = Vocabulary::build(source, &index);
    GANNET_CHECK(built.ok());
    vocabulary.emplace(built.take());
    auto made = MergeTable::build(merges, index, *vocabulary);
    GANNET_CHECK(made.ok());
    table.emplace(made.take());
  }
  Result<Ids> encode(std::string_view word) {
    Ids ids;
    GANNET_TRY(merger.merge(word, *table, &ids));
    return ids;
  }
  std::vector<std::string_view> tokens, merges;
  TextIndex index;
  std::optional<Vocabulary> vocabulary;
  std::optional<MergeTable> table;
  WordMerger merger;
};

// Quadratic, on texts: the lowest rank, leftmost, until nothing merges; a text without a token falls into its
// bytes.
Ids merge_plainly(const VocabularyForTest& v, const std::string& word) {
  std::map<std::pair<std::string, std::string>, size_t> ranks;
  for (size_t i = 0; i < v.merges.size(); ++i) {
    const size_t space = v.merges[i].find(' ', 1);
    ranks.emplace(std::pair(v.merges[i].substr(0, space), v.merges[i].substr(space + 1)), i);
  }
  std::vector<std::string> parts;
  for (const char byte : word) parts.push_back(map_bytes(std::string_view(&byte, 1)));
  while (true) {
    size_t best = v.merges.size(), at = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto rank = ranks.find({parts[i], parts[i + 1]});
      if (rank != ranks.end() && rank->second < best) {
        best = rank->second;
        at = i;
      }
    }
    if (best == v.merges.size()) break;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  Ids ids;
  const auto find = [&](const std::string& text) {
    const auto found = std::find(v.tokens.begin(), v.tokens.end(), text);
    const bool usable = found != v.tokens.end() && v.types[static_cast<size_t>(found - v.tokens.begin())] ==
                                                       static_cast<int32_t>(TokenType::kNormal);
    return usable ? static_cast<TokenId>(found - v.tokens.begin()) : -1;
  };
  for (const auto& part : parts) {
    if (find(part) >= 0) {
      ids.push_back(find(part));
      continue;
    }
    std::string bytes;
    append_unmapped(part, &bytes);
    for (const char byte : bytes) ids.push_back(find(map_bytes(std::string_view(&byte, 1))));
  }
  return ids;
}

RC_GTEST_PROP(Bpe, EqualsThePlainRule, ()) {
  const auto letter = rc::gen::element('a', 'b', ' ', '\xE9');
  auto v = VocabularyForTest::with_bytes();
  std::vector<std::string> texts = {"a", "b", " ", "\xE9"};
  std::vector<std::string> known = texts;
  const int n_merges = *rc::gen::inRange(0, 30);
  for (int i = 0; i < n_merges; ++i) {
    const auto left = texts[*rc::gen::inRange<size_t>(0, texts.size())];
    const auto right = texts[*rc::gen::inRange<size_t>(0, texts.size())];
    const std::string joined = left + right;
    v.merges.push_back(map_bytes(left) + " " + map_bytes(right));  // doubles do occur
    texts.push_back(joined);
    if (std::find(known.begin(), known.end(), joined) != known.end()) continue;
    known.push_back(joined);
    // Some results have no token, some have one that merging must not produce.
    const int kind = *rc::gen::inRange(0, 8);
    if (kind > 1) v.add(map_bytes(joined));
    if (kind == 1) v.add(map_bytes(joined), TokenType::kControl);
  }
  const auto word = *rc::gen::nonEmpty(rc::gen::container<std::string>(letter));
  RC_ASSERT(Bpe(v).encode(word).take() == merge_plainly(v, word));
}

TEST(Bpe, RankDecidesAndLeftmostOnTies) {
  auto v = VocabularyForTest::with_bytes();
  const TokenId bc = v.add_merge("b", "c");
  const TokenId ab = v.add_merge("a", "b");
  const TokenId aa = v.add_merge("a", "a");
  const TokenId aaaa = v.add_merge("aa", "aa");
  Bpe bpe(v);
  EXPECT_EQ(bpe.encode("abc").take(), (Ids{'a', bc}));
  EXPECT_EQ(bpe.encode("abab").take(), (Ids{ab, ab}));
  EXPECT_EQ(bpe.encode("aaa").take(), (Ids{aa, 'a'}));
  EXPECT_EQ(bpe.encode("aaaaaaa").take(), (Ids{aaaa, aa, 'a'}));
}

TEST(Bpe, AMegabyteInOneWordTakesLogLinearTime) {
  auto v = VocabularyForTest::with_bytes();
  std::string a = "a";
  TokenId longest = 'a';
  for (int i = 0; i < 6; ++i) {
    longest = v.add_merge(a, a);
    a += a;
  }
  Bpe bpe(v);
  const std::string word(1 << 20, 'a');
  const auto begin = std::chrono::steady_clock::now();
  const Ids ids = bpe.encode(word).take();
  EXPECT_LT(std::chrono::steady_clock::now() - begin,
            std::chrono::seconds(10));  // 0.2 s; quadratic would be hours
  EXPECT_EQ(ids, Ids(word.size() / 64, longest));
}

TEST(Bpe, AByteWithoutATokenIsAnErrorNotALoss) {
  VocabularyForTest v;
  v.add("a");
  v.add("<0x62>", TokenType::kByte);
  Bpe bpe(v);
  EXPECT_EQ(bpe.encode("ab").take(), (Ids{0, 1}));
  auto bad = bpe.encode("ac");
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().message(), testing::HasSubstr("0x63"));
}

}  // namespace
}  // namespace gannet
