// What a hostile or odd vocabulary may hold, and what becomes of it.
#include "text/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/vocabulary_for_test.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;
using testing::HasSubstr;

std::string refusal(const VocabularyForTest& v) {
  auto built = v.build();
  if (built.ok()) return "";
  EXPECT_EQ(built.error().code(), ErrorCode::kModelFile);
  EXPECT_EQ(built.error().message().find('\n'), std::string::npos);
  return built.error().message();
}

VocabularyForTest with_token(std::string text, TokenType type = TokenType::kNormal) {
  auto v = VocabularyForTest::with_bytes();
  v.add(std::move(text), type);
  return v;
}

VocabularyForTest with_merge(std::string merge) {
  auto v = VocabularyForTest::with_bytes();
  v.merges.push_back(std::move(merge));
  return v;
}

TEST(VocabularyHostile, Refusals) {
  EXPECT_THAT(refusal(VocabularyForTest{}), HasSubstr("no tokens"));
  EXPECT_THAT(refusal(with_token("a")), HasSubstr("tokens 97 and 256 have the same text \"a\""));
  EXPECT_THAT(refusal(with_token("\x01\n", TokenType::kByte)), HasSubstr("\"\\x01\\x0A\", not <0xXX>"));
  // Pull request 25969 of llama.cpp: "<0x-1>" became index -1.
  for (const char* text : {"<0x-1>", "<0x1>", "<0x123>", "<0xG0>", "<0x 1>", "<0X41>", "<0x41"}) {
    EXPECT_THAT(refusal(with_token(text, TokenType::kByte)), HasSubstr("byte token")) << text;
  }
  EXPECT_THAT(refusal(with_token(std::string(65536, 'a'))), HasSubstr("65536 bytes"));
  EXPECT_EQ(refusal(with_token(std::string(65535, 'a'))), "");
  EXPECT_THAT(refusal(with_token(std::string(1025, 'a'), TokenType::kControl)), HasSubstr("1025 bytes"));
  EXPECT_EQ(refusal(with_token(std::string(1024, 'a'), TokenType::kUserDefined)), "");
}

TEST(VocabularyHostile, Types) {
  for (const int32_t type : {0, 7, -1, 256 + 1, INT32_MIN}) {
    auto v = VocabularyForTest::with_bytes();
    v.types[5] = type;
    EXPECT_THAT(refusal(v), HasSubstr("token 5 has the unknown type " + std::to_string(type)));
  }
  auto v = VocabularyForTest::with_bytes();
  v.types.pop_back();
  EXPECT_THAT(refusal(v), HasSubstr("256 tokens but 255 token types"));
  v.types.clear();
  EXPECT_EQ(refusal(v), "") << "no types at all: all normal";
}

TEST(VocabularyHostile, Merges) {
  for (const char* merge : {"", " ", "ab", "a ", " a", "a"}) {
    EXPECT_THAT(refusal(with_merge(merge)), HasSubstr("merge 0")) << '"' << merge << '"';
  }
  EXPECT_EQ(refusal(with_merge("  a")), "") << "the split is at the first space at index 1 or later";
  EXPECT_EQ(refusal(with_merge("a b c")), "");
  EXPECT_EQ(refusal(with_merge("\xFF \xFE")), "") << "can never apply, harms nobody";
}

TEST(VocabularyHostile, TooMany) {
  const std::vector<std::string_view> many((size_t{1} << 24) + 1);
  VocabularySource source;
  source.pre = "qwen2";
  source.tokens = many;
  auto built = Tokenizer::build(source);
  ASSERT_FALSE(built.ok());
  EXPECT_THAT(built.error().message(), HasSubstr("16777217"));
}

TEST(VocabularyHostile, SpecialIds) {
  for (size_t which = 0; which < kSpecialTokens; ++which) {
    auto v = VocabularyForTest::with_bytes();
    v.extra.special[which] = 255;
    EXPECT_EQ(refusal(v), "");
    v.extra.special[which] = 256;
    EXPECT_THAT(refusal(v), HasSubstr("_token_id is 256"));
    v.extra.special[which] = uint64_t{1} << 40;
    EXPECT_THAT(refusal(v), HasSubstr("_token_id is"));
    v.extra.special[which] = UINT32_MAX;
    EXPECT_EQ(refusal(v), "") << "the usual way to say none";
  }
  auto v = VocabularyForTest::with_bytes();
  v.extra.add_bos = true;
  EXPECT_THAT(refusal(v), HasSubstr("add_bos_token"));
  v.extra.add_bos = false;
  v.extra.add_eos = true;
  EXPECT_THAT(refusal(v), HasSubstr("add_eos_token"));
}

TEST(Vocabulary, PiecesAndTypes) {
  auto v = VocabularyForTest::with_bytes();
  const TokenId empty = v.add("", TokenType::kControl);
  const TokenId word = v.add("\u0120word");
  const TokenId outside = v.add("\u4F60", TokenType::kNormal);
  const TokenId ill_formed = v.add("\xFF\xFE", TokenType::kNormal);
  const TokenId user = v.add("\u0120x", TokenType::kUserDefined);
  const TokenId byte = v.add("<0x0a>", TokenType::kByte);
  const TokenId padding = v.add("[PAD1]", TokenType::kUserDefined);
  const TokenId not_padding = v.add("[PAD]", TokenType::kUserDefined);
  const auto tokenizer = v.build().take();
  const Vocabulary& made = tokenizer.vocabulary();
  for (int b = 0; b < 256; ++b) EXPECT_EQ(made.piece(b), std::string(1, static_cast<char>(b)));
  EXPECT_EQ(made.type(empty), TokenType::kUnused);
  EXPECT_EQ(made.piece(word), " word");
  EXPECT_EQ(made.piece(outside), "\u4F60") << "not in the byte alphabet: literal";
  EXPECT_EQ(made.piece(ill_formed), "\xFF\xFE");
  EXPECT_EQ(made.piece(user), "\u0120x") << "user-defined texts are literal";
  EXPECT_EQ(made.piece(byte), "\n");
  EXPECT_EQ(made.type(padding), TokenType::kUnused);
  EXPECT_EQ(made.type(not_padding), TokenType::kUserDefined);
  EXPECT_FALSE(made.contains(-1));
  EXPECT_FALSE(made.contains(made.size()));
  EXPECT_FALSE(made.contains(int64_t{1} << 32));
}

Ids end_tokens(const VocabularyForTest& v) {
  const auto tokenizer = v.build().take();
  const auto ends = tokenizer.vocabulary().end_tokens();
  return Ids(ends.begin(), ends.end());
}

TEST(Vocabulary, EndTokens) {
  auto v = VocabularyForTest::with_bytes();
  EXPECT_EQ(end_tokens(v), Ids{});
  const TokenId word = v.add("</s>");
  EXPECT_EQ(end_tokens(v), Ids{}) << "an ordinary word";
  const TokenId end_of_text = v.add("<|endoftext|>", TokenType::kControl);
  const TokenId im_end = v.add("<|im_end|>", TokenType::kNormal);  // typed wrongly by some converters
  const TokenId fim_pad = v.add("<|fim_pad|>", TokenType::kUserDefined);
  const TokenId fim_prefix = v.add("<|fim_prefix|>", TokenType::kUserDefined);
  const TokenId repo = v.add("<|repo_name|>", TokenType::kUserDefined);
  v.add("<|file_sep|>", TokenType::kUnused);
  EXPECT_EQ(end_tokens(v), (Ids{end_of_text, im_end, fim_pad, repo}));

  const auto tokenizer = v.build().take();
  const Vocabulary& made = tokenizer.vocabulary();
  EXPECT_EQ(made.special(SpecialToken::kEot), im_end) << "before endoftext in the list";
  EXPECT_EQ(made.special(SpecialToken::kFimPre), fim_prefix);
  EXPECT_EQ(made.special(SpecialToken::kFimSep), std::nullopt);
  EXPECT_EQ(made.special(SpecialToken::kEos), std::nullopt);
  EXPECT_EQ(made.type(im_end), TokenType::kControl);
  EXPECT_FALSE(made.is_end(word));
  EXPECT_TRUE(made.is_end(im_end));
  EXPECT_EQ(tokenizer.encode("<|im_end|>").take().size(), 10u) << "user text cannot end the turn";

  v.extra.special_id(SpecialToken::kEos) = 65;
  v.extra.special_id(SpecialToken::kEot) = 66;
  v.extra.special_id(SpecialToken::kFimPad) = 67;
  EXPECT_EQ(end_tokens(v), (Ids{65, 66, 67, end_of_text, im_end, repo}));
  v.types[static_cast<size_t>(word)] = static_cast<int32_t>(TokenType::kControl);
  EXPECT_EQ(end_tokens(v), (Ids{65, 66, 67, word, end_of_text, im_end, repo}));
}

}  // namespace
}  // namespace gannet
