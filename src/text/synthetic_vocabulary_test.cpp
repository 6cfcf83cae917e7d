#include "text/synthetic_vocabulary.h"

#include <set>

#include <gtest/gtest.h>

#include "text/tokenizer.h"

namespace gannet {
namespace {

VocabularySource source_of(const SyntheticVocabulary& v, const std::vector<std::string_view>& tokens,
                           const std::vector<std::string_view>& merges) {
  VocabularySource source;
  source.pre = "qwen35";
  source.tokens = tokens;
  source.types = v.types;
  source.merges = merges;
  source.special_id(SpecialToken::kEos) = static_cast<uint64_t>(v.im_end);
  return source;
}

TEST(SyntheticVocabulary, HasExactlyTheSizeAndOnlyDifferentTokens) {
  for (const size_t n : {kSmallestSyntheticVocabulary, size_t{260}, size_t{300}, size_t{1024}, size_t{151936},
                         size_t{248320}}) {
    const SyntheticVocabulary v = make_synthetic_vocabulary(n);
    EXPECT_EQ(v.tokens.size(), n);
    EXPECT_EQ(v.types.size(), n);
    EXPECT_EQ(std::set<std::string>(v.tokens.begin(), v.tokens.end()).size(), n);
    EXPECT_EQ(v.tokens[static_cast<size_t>(v.end_of_text)], "<|endoftext|>");
    EXPECT_EQ(v.tokens[static_cast<size_t>(v.im_start)], "<|im_start|>");
    EXPECT_EQ(v.tokens[static_cast<size_t>(v.im_end)], "<|im_end|>");
    EXPECT_EQ(static_cast<size_t>(v.end_of_text), 256 + v.merges.size());
  }
}

TEST(SyntheticVocabulary, EveryMergeJoinsEarlierTokensIntoItsOwn) {
  const SyntheticVocabulary v = make_synthetic_vocabulary(20000);
  std::set<std::string> known(v.tokens.begin(), v.tokens.begin() + 256);
  for (size_t rank = 0; rank < v.merges.size(); ++rank) {
    const size_t blank = v.merges[rank].find(' ');
    ASSERT_NE(blank, std::string::npos);
    const std::string left = v.merges[rank].substr(0, blank), right = v.merges[rank].substr(blank + 1);
    ASSERT_TRUE(known.contains(left) && known.contains(right)) << v.merges[rank];
    ASSERT_EQ(left + right, v.tokens[256 + rank]);
    known.insert(left + right);
  }
}

TEST(SyntheticVocabulary, TokenizesAndMergesWords) {
  const SyntheticVocabulary v = make_synthetic_vocabulary(32768);
  const std::vector<std::string_view> tokens(v.tokens.begin(), v.tokens.end()),
      merges(v.merges.begin(), v.merges.end());
  auto tokenizer = Tokenizer::build(source_of(v, tokens, merges));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
  const std::string text = "The harbor is a sheltered place for ships; it has 2 entries.\n\xff\xc3\xa9";
  const auto ids = tokenizer->encode(text);
  ASSERT_TRUE(ids.ok()) << ids.error().message();
  // Words are merged: not one token per byte, but their parts mean nothing, so not as few as in a trained
  // vocabulary.
  EXPECT_LT(ids->size(), text.size() * 3 / 4);
  EXPECT_EQ(tokenizer->decode(*ids).value(), text);
  EXPECT_TRUE(tokenizer->vocabulary().is_end(v.im_end));
  EXPECT_TRUE(tokenizer->vocabulary().is_end(v.end_of_text));
}

}  // namespace
}  // namespace gannet
