#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <thread>

#include "text/detokenizer.h"
#include "text/nfc.h"
#include "text/vocabulary_for_test.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;
using testing::HasSubstr;

// English-like merges, chat markers, a user-defined and a byte token.
struct Chat {
  Chat() {
    auto v = VocabularyForTest::with_bytes();
    he = v.add_merge("h", "e");
    ll = v.add_merge("l", "l");
    hell = v.add_merge("he", "ll");
    hello = v.add_merge("hell", "o");
    space_hello = v.add_merge(" ", "hello");
    end_of_text = v.add("<|endoftext|>", TokenType::kControl);
    im_start = v.add("<|im_start|>", TokenType::kControl);
    im_end = v.add("<|im_end|>", TokenType::kControl);
    think = v.add("<think>", TokenType::kUserDefined);
    padding = v.add("[PAD7]", TokenType::kUserDefined);
    unknown = v.add("<unk>", TokenType::kUnknown);
    byte = v.add("<0xfF>", TokenType::kByte);
    // A merge that would make a control token out of text.
    v.merges.push_back("< |");
    v.extra.special_id(SpecialToken::kBos) = static_cast<uint64_t>(end_of_text);
    v.extra.special_id(SpecialToken::kEos) = static_cast<uint64_t>(im_end);
    source = v;
    tokenizer.emplace(v.build().take());
  }
  VocabularyForTest source;
  std::optional<Tokenizer> tokenizer;
  TokenId he, ll, hell, hello, space_hello, end_of_text, im_start, im_end, think, padding, unknown, byte;
};

const Chat& chat() {
  static const Chat made;
  return made;
}

Ids encode(const Chat& c, std::string_view text, EncodeOptions options = {}) {
  auto ids = c.tokenizer->encode(text, options);
  EXPECT_TRUE(ids.ok());
  return ids.take();
}

TEST(Tokenizer, EncodesWordsAndSpecials) {
  const Chat& c = chat();
  EXPECT_EQ(encode(c, ""), Ids{});
  EXPECT_EQ(encode(c, "hello hello hell"), (Ids{c.hello, c.space_hello, ' ', c.hell}));
  EXPECT_EQ(encode(c, "<|im_start|>hello<|im_end|>", {.parse_special = true}),
            (Ids{c.im_start, c.hello, c.im_end}));
  EXPECT_EQ(encode(c, "<think>hello<unk>", {.parse_special = true}), (Ids{c.think, c.hello, c.unknown}));
  EXPECT_EQ(encode(c, "<think>hello"), (Ids{c.think, c.hello})) << "user-defined tokens are always read";
  EXPECT_EQ(encode(c, "[PAD7]"), (Ids{'[', 'P', 'A', 'D', '7', ']'})) << "filled-up ids are never read";
  EXPECT_EQ(encode(c, "\xFF"), (Ids{0xFF})) << "the one-character token goes before the byte token";
}

TEST(Tokenizer, ControlTokensNeverComeFromUnparsedText) {
  const Chat& c = chat();
  for (const TokenId id : encode(c, "<|im_start|>hello<|im_end|><unk><0xFF>")) {
    EXPECT_TRUE(c.tokenizer->vocabulary().type(id) == TokenType::kNormal) << id;
  }
  // Not even when the merges spell one out.
  auto v = VocabularyForTest::with_bytes();
  const TokenId token = v.add("ab", TokenType::kControl);
  v.merges.push_back("a b");
  const auto tokenizer = v.build().take();
  EXPECT_EQ(tokenizer.encode("ab").take(), (Ids{'a', 'b'}));
  EXPECT_EQ(tokenizer.encode("ab", {.parse_special = true}).take(), (Ids{token}));
}

TEST(Tokenizer, AddsBosAndEosOnlyWhenBothSidesAsk) {
  auto v = chat().source;
  v.extra.add_bos = v.extra.add_eos = true;
  const auto tokenizer = v.build().take();
  const Chat& c = chat();
  EXPECT_EQ(tokenizer.encode("hello", {.add_special = true}).take(), (Ids{c.end_of_text, c.hello, c.im_end}));
  EXPECT_EQ(tokenizer.encode("", {.add_special = true}).take(), (Ids{c.end_of_text, c.im_end}));
  EXPECT_EQ(tokenizer.encode("hello").take(), (Ids{c.hello}));
  EXPECT_EQ(encode(c, "hello", {.add_special = true}), (Ids{c.hello}));
}

TEST(Tokenizer, Decodes) {
  const Chat& c = chat();
  const Ids ids = {c.im_start, c.hello, c.space_hello, c.think, c.padding, c.unknown, c.byte, 'x'};
  EXPECT_EQ(c.tokenizer->decode(ids).take(), "hello hello<think>\xFFx");
  EXPECT_EQ(c.tokenizer->decode(ids, {.show_special = true}).take(),
            "<|im_start|>hello hello<think><unk>\xFFx");
  for (const TokenId bad : {-1, c.byte + 1, 1 << 30}) {
    auto text = c.tokenizer->decode(Ids{c.hello, bad});
    ASSERT_FALSE(text.ok());
    EXPECT_THAT(text.error().message(), HasSubstr(std::to_string(bad)));
  }
  EXPECT_EQ(c.tokenizer->decode(Ids(2, c.hello), {.max_bytes = 10}).take(), "hellohello");
  EXPECT_FALSE(c.tokenizer->decode(Ids(2, c.hello), {.max_bytes = 9}).ok());
}

std::string any_text() {
  std::string text;
  const int parts = *rc::gen::inRange(0, 20);
  for (int i = 0; i < parts; ++i) {
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
        text += *rc::gen::arbitrary<std::string>();
        break;  // any bytes
      case 1:
        text += *rc::gen::element<std::string>("hello", " hello", "hell", "\n", "  ", "'s", "1");
        break;
      case 2:
        text +=
            *rc::gen::element<std::string>("<|im_start|>", "<|im_end|>", "<think>", "[PAD7]", "<unk>", "<|");
        break;
      case 3:
        text += static_cast<char>(*rc::gen::inRange(0, 32));
        break;  // control characters
      case 4:
        text +=
            *rc::gen::element<std::string>("ä", "\u4F60\u597D", "\U0001F600", "e\u0301", "\u00A0", "\uFFFD");
        break;
      default:
        text += *rc::gen::element<std::string>("\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\x80",
                                               std::string(1, '\0'));
    }
  }
  return text;
}

std::string nfc(const std::string& text) {
  std::string storage;
  return std::string(to_nfc(text, &storage));
}

// To the byte, or with the pieces between special tokens in form C.
RC_GTEST_PROP(Tokenizer, RoundTripsAnyBytes, ()) {
  static const Tokenizer plain = [] {
    VocabularyForTest v = chat().source;
    v.pre = "megrez";
    return v.build().take();
  }();
  const std::string text = any_text();
  for (const bool parse : {false, true}) {
    for (const Tokenizer* tokenizer : {&plain, &*chat().tokenizer}) {
      const Ids ids = tokenizer->encode(text, {.parse_special = parse}).take();
      const std::string decoded = tokenizer->decode(ids, {.show_special = true}).take();
      if (tokenizer == &plain)
        RC_ASSERT(decoded == text);
      else
        RC_ASSERT(nfc(decoded) == nfc(text));
      Detokenizer stream(*tokenizer, true);
      std::string streamed;
      for (const TokenId id : ids) streamed += stream.push(id);
      streamed += stream.flush();
      RC_ASSERT(streamed == decoded);
    }
  }
}

// Special tokens are found in the text as it is given, and each piece between them is normalised by itself.
TEST(Tokenizer, NormalisesBetweenSpecialTokens) {
  const Chat& c = chat();
  const Ids composed = encode(c, "\u00E9");
  EXPECT_EQ(encode(c, "e\u0301"), composed);
  EXPECT_EQ(encode(c, "\u00E9"), (Ids{0xC3, 0xA9}));
  EXPECT_EQ(encode(c, "<think>\u0338"), (Ids{c.think, 0xCC, 0xB8})) << "not U+226F";
  EXPECT_EQ(encode(c, "<im>\u0338"), (Ids{'<', 'i', 'm', 0xE2, 0x89, 0xAF}));
  EXPECT_EQ(encode(c, "e<think>\u0301"), (Ids{'e', c.think, 0xCC, 0x81}));
  EXPECT_EQ(encode(c, "e\u0301<|im_end|>e\u0301", {.parse_special = true}),
            (Ids{0xC3, 0xA9, c.im_end, 0xC3, 0xA9}));
  EXPECT_EQ(encode(c, "e\xFF\u0301"), (Ids{'e', 0xFF, 0xCC, 0x81}));
}

RC_GTEST_PROP(Tokenizer, TheCacheChangesNothing, ()) {
  const Chat& c = chat();
  const std::string text = any_text();
  const Ids warm = c.tokenizer->encode(text).take();
  RC_ASSERT(c.tokenizer->encode(text).take() == warm);
  RC_ASSERT(c.source.build().take().encode(text).take() == warm);
}

TEST(Tokenizer, ManyThreadsAtOnce) {
  const Chat& c = chat();
  std::string text;
  for (int i = 0; i < 3000; ++i) text += " hello" + std::to_string(i) + "<think>";
  const Ids expected = encode(c, text);
  std::vector<std::thread> threads;
  std::vector<int> equal(4, 0);
  for (size_t t = 0; t < equal.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) equal[t] += c.tokenizer->encode(text).take() == expected ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(equal, std::vector<int>(4, 5));
}

MarkedText marked(std::initializer_list<std::pair<std::string_view, bool>> parts) {
  MarkedText text;
  for (const auto& [part, foreign] : parts) text.append(part, foreign);
  return text;
}

TEST(MarkedText, JoinsWhatTouches) {
  MarkedText text = marked({{"ab", false}, {"cd", true}, {"e", true}, {"", true}, {"f", false}});
  EXPECT_EQ(text.foreign, (std::vector<TextRange>{{2, 5}}));
  EXPECT_EQ(text.part(0, 6), text);
  EXPECT_EQ(text.part(3, 6), marked({{"de", true}, {"f", false}}));
  EXPECT_EQ(text.part(1, 2), marked({{"b", false}}));
  EXPECT_EQ(text.part(5, 5), MarkedText{});
  text.append(marked({{"x", true}, {"y", false}, {"z", true}}));
  EXPECT_EQ(text.text, "abcdefxyz");
  EXPECT_EQ(text.foreign, (std::vector<TextRange>{{2, 5}, {6, 7}, {8, 9}}));
}

TEST(Tokenizer, ControlTokensOfOthersAreText) {
  const Chat& c = chat();
  const auto encode_marked = [&](const MarkedText& text) { return c.tokenizer->encode(text).take(); };
  Ids typed = encode(c, "<|im_end|>");
  EXPECT_GT(typed.size(), 1u);
  Ids expected = {c.im_start};
  expected.insert(expected.end(), typed.begin(), typed.end());
  expected.push_back(c.im_end);
  EXPECT_EQ(encode_marked(marked({{"<|im_start|>", false}, {"<|im_end|>", true}, {"<|im_end|>", false}})),
            expected);
  // Not even with the help of the template.
  EXPECT_EQ(encode_marked(marked({{"<|im_", false}, {"end|>", true}})), typed);
  EXPECT_EQ(encode_marked(marked({{"<|im_end|", true}, {">", false}})), typed);
  EXPECT_EQ(encode_marked(marked({{"<|im_", false}, {"end", true}, {"|>", false}})), typed);
}

TEST(Tokenizer, WhoWroteItIsNoBorderBetweenWords) {
  const Chat& c = chat();
  EXPECT_EQ(c.tokenizer->encode(marked({{"he", false}, {"llo", true}})).take(), (Ids{c.hello}));
  EXPECT_EQ(c.tokenizer->encode(marked({{"hello<thi", true}, {"nk>", false}})).take(),
            (Ids{c.hello, c.think}));
}

RC_GTEST_PROP(Tokenizer, MarkedTextIsTextWithoutControlTokensOfOthers, ()) {
  const Chat& c = chat();
  const auto parts = *rc::gen::container<std::vector<std::pair<std::string, bool>>>(
      rc::gen::pair(rc::gen::element<std::string>("<|im_start|>", "<|im_end|>", "<|im_", "end|>", "<think>",
                                                  "hello", " ", "<", "|", "\n", "[PAD7]", "e\u0301"),
                    rc::gen::arbitrary<bool>()));
  MarkedText text;
  size_t n_own = 0;
  for (const auto& [part, foreign] : parts) {
    text.append(part, foreign);
    n_own += !foreign && (part == "<|im_start|>" || part == "<|im_end|>") ? 1 : 0;
  }
  const Ids ids = c.tokenizer->encode(text).take();
  size_t n_control = 0;
  for (const TokenId id : ids) n_control += id == c.im_start || id == c.im_end ? 1 : 0;
  RC_ASSERT(c.tokenizer->decode(ids, {.show_special = true}).take() ==
            c.tokenizer->decode(encode(c, text.text), {.show_special = true}).take());
  if (text.foreign.empty()) RC_ASSERT(ids == encode(c, text.text, {.parse_special = true}));
  // What a template writes in pieces is one, too.
  RC_ASSERT(n_control >= n_own);
  MarkedText all_foreign;
  all_foreign.append(text.text, true);
  RC_ASSERT(c.tokenizer->encode(all_foreign).take() == encode(c, text.text));
}

}  // namespace
}  // namespace gannet
