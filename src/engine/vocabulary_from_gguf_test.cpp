// The tokenizer against the reference tokenizer's outputs on real vocabularies (data in ../shared, skipped
// without it).
#include "engine/vocabulary_from_gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "text/nfc.h"
#include "text/utf8.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;

std::string shared(const std::string& name) {
  return "../shared/" + name;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream buffer;
  buffer << in.rdbuf();
  return buffer.str();
}

std::string nfc(std::string_view text) {
  std::string storage;
  return std::string(to_nfc(text, &storage));
}

class RealVocabulary : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    path_ = shared("vocab/ggml-vocab-" + GetParam() + ".gguf");
    if (!std::filesystem::exists(path_))
      GTEST_SKIP() << path_ << " is not here; its vocabulary is test data only";
    auto file = GgufFile::open(path_);
    ASSERT_TRUE(file.ok()) << file.error().message();
    auto tokenizer = tokenizer_from_gguf(*file);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
    tokenizer_.emplace(tokenizer.take());
  }

  Ids encode(std::string_view text, bool parse_special = false) {
    auto ids = tokenizer_->encode(text, {.add_special = false, .parse_special = parse_special});
    EXPECT_TRUE(ids.ok());
    return ids.take();
  }

  std::string path_;
  std::optional<Tokenizer> tokenizer_;
};

TEST_P(RealVocabulary, EqualsTheReferenceOnEveryText) {
  const std::string texts = read_text(path_ + ".inp");
  std::ifstream answers(path_ + ".out");
  const std::string separator = "\n__ggml_vocab_test__\n";
  int n_texts = 0;
  for (size_t begin = 0; begin <= texts.size(); ++n_texts) {
    const size_t end = std::min(texts.find(separator, begin), texts.size());
    const std::string text = texts.substr(begin, end - begin);
    begin = end + separator.size();
    std::string line;
    if (!std::getline(answers, line)) {
      ASSERT_TRUE(text.empty()) << "no answer for text " << n_texts;
      break;
    }
    std::istringstream numbers(line);
    Ids expected;
    for (TokenId id; numbers >> id;) expected.push_back(id);
    // The answers are those of llama.cpp, which does not normalise, as the published tokenizers do.
    if (nfc(text) == text)
      EXPECT_EQ(encode(text), expected) << "text " << n_texts << ": " << text;
    else
      EXPECT_EQ(encode(text), encode(nfc(text))) << "text " << n_texts << ": " << text;
    EXPECT_EQ(tokenizer_->decode(expected).take(), text);
  }
  EXPECT_GE(n_texts, 45);
}

TEST_P(RealVocabulary, SpecialIdsAndEndTokens) {
  const Vocabulary& v = tokenizer_->vocabulary();
  EXPECT_EQ(v.size(), 151936);
  EXPECT_EQ(v.special(SpecialToken::kEos), 151643);
  EXPECT_EQ(v.special(SpecialToken::kEot), 151645);
  // "</s>" (128247) is an ordinary word of this vocabulary, so it must not end a generation.
  EXPECT_EQ(Ids(v.end_tokens().begin(), v.end_tokens().end()), (Ids{151643, 151645}));
  EXPECT_EQ(v.piece(128247), "</s>");
  EXPECT_FALSE(v.add_bos());
  // Filled-up ids are typed user-defined in this file, and are not to be found in text all the same.
  EXPECT_EQ(v.type(151700), TokenType::kUnused);
  for (const TokenId id : encode("[PAD151700]")) EXPECT_LT(id, 151643);
}

TEST_P(RealVocabulary, EveryTokenRoundTripsThroughItsBytes) {
  const Vocabulary& v = tokenizer_->vocabulary();
  for (TokenId id = 0; id < 151643; ++id) {
    const std::string piece(v.piece(id));
    const Ids ids = encode(piece);
    std::string back;
    for (const TokenId part : ids) back += v.piece(part);
    ASSERT_EQ(back, nfc(piece)) << "token " << id;
  }
}

// Random Unicode, control characters and ill-formed bytes, alone and mixed with words.
TEST_P(RealVocabulary, AnyBytesRoundTrip) {
  std::mt19937 random(20260928);
  for (int run = 0; run < 3000; ++run) {
    std::string text;
    for (uint32_t parts = random() % 30; parts > 0; --parts) {
      switch (random() % 6) {
        case 0:
          text += static_cast<char>(random());
          break;
        case 1:
          text += static_cast<char>(random() % 32);
          break;
        case 2:
          text += tokenizer_->vocabulary().piece(static_cast<TokenId>(random() % 151643));
          break;
        case 3:
          text += run % 2 == 0 ? "<|im_end|>" : "[PAD151700]";
          break;
        default:
          append_utf8(random() % 0x110000, &text);  // surrogates included: three ill-formed bytes
      }
    }
    for (const bool parse : {false, true}) {
      const std::string decoded = tokenizer_->decode(encode(text, parse), {.show_special = true}).take();
      ASSERT_EQ(nfc(decoded), nfc(text)) << "run " << run;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Pre, RealVocabulary, testing::Values("qwen2", "qwen35"),
                         [](const auto& test) { return test.param; });

struct Golden {
  std::string_view text;
  Ids ids;
};

class Qwen2Vocabulary : public RealVocabulary {};

TEST_P(Qwen2Vocabulary, GoldenValues) {
  const Golden goldens[] = {
      {"Hello world", {9707, 1879}},
      {"Hello  world\n\n  x", {9707, 220, 1879, 271, 220, 856}},
      {"I'LL don't 12345 a1b2", {40, 6, 4086, 1513, 944, 220, 16, 17, 18, 19, 20, 264, 16, 65, 17}},
      {"  \r\n\t foo bar  ", {10419, 197, 15229, 3619, 256}},
      {"(x)->y;\n\n\n}", {2075, 3997, 88, 5210, 92}},
      {"\u2019s Q\u2019s 's'S", {748, 1207, 748, 364, 82, 13272}},
      {"\u3000\u4F60\u597D\uFF0C\u4E16\u754C\uFF01\n", {22441, 108386, 3837, 99489, 6313, 198}},
  };
  for (const Golden& golden : goldens) EXPECT_EQ(encode(golden.text), golden.ids) << golden.text;
  const std::string chat = "<|im_start|>user\nhi<|im_end|>\n";
  EXPECT_EQ(encode(chat, true), (Ids{151644, 872, 198, 6023, 151645, 198}));
  // Without leave to read control tokens the same text holds none.
  for (const TokenId id : encode(chat, false)) EXPECT_LT(id, 151643);
  EXPECT_EQ(tokenizer_->decode(encode(chat, false)).take(), chat);
  EXPECT_EQ(tokenizer_->decode(encode(chat, true)).take(), "user\nhi\n");
  EXPECT_EQ(tokenizer_->decode(encode(chat, true), {.show_special = true}).take(), chat);
}

INSTANTIATE_TEST_SUITE_P(Pre, Qwen2Vocabulary, testing::Values("qwen2"),
                         [](const auto& test) { return test.param; });

TEST(TokenizerFromGguf, BuildsABigVocabularyQuickly) {
  const std::string path = shared("vocab/ggml-vocab-qwen35.gguf");
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << path << " is not here; its vocabulary is test data only";
  auto file = GgufFile::open(path);
  ASSERT_TRUE(file.ok()) << file.error().message();
  auto best = std::chrono::duration<double>::max();
  for (int run = 0; run < 3; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(tokenizer_from_gguf(*file).ok());
    best = std::min<std::chrono::duration<double>>(best, std::chrono::steady_clock::now() - begin);
  }
  RecordProperty("milliseconds", static_cast<int>(best.count() * 1e3));
  // A guard against a lapse in order of growth, not a measurement: the machine may be busy or sanitized.
  EXPECT_LT(best.count(), 5.0);
}

// Bytes of a GGUF v3 file without tensors, holding the given entries.
class Header {
 public:
  Header& text(std::string_view key, std::string_view value) {
    begin(key, 8);
    string(value);
    return *this;
  }
  Header& texts(std::string_view key, const std::vector<std::string>& values) {
    begin(key, 9);
    number<uint32_t>(8);
    number<uint64_t>(values.size());
    for (const auto& value : values) string(value);
    return *this;
  }
  template <class T>
  Header& numbers(std::string_view key, uint32_t element_type, const std::vector<T>& values) {
    begin(key, 9);
    number<uint32_t>(element_type);
    number<uint64_t>(values.size());
    for (const T value : values) number(value);
    return *this;
  }
  template <class T>
  Header& value(std::string_view key, uint32_t type, T value) {
    begin(key, type);
    number(value);
    return *this;
  }

  // What the file says of ids that are passed over.
  std::vector<std::string> ignored() const {
    const std::string file = bytes();
    return ignored_token_ids(GgufFile::parse(std::as_bytes(std::span(file)), "made.gguf").take());
  }

  // The message of the refusal, or "" for a tokenizer.
  std::string message() const {
    const std::string file = bytes();
    auto parsed = GgufFile::parse(std::as_bytes(std::span(file)), "made.gguf");
    EXPECT_TRUE(parsed.ok()) << parsed.error().message();
    auto tokenizer = tokenizer_from_gguf(*parsed);
    if (tokenizer.ok()) return "";
    EXPECT_EQ(tokenizer.error().code(), ErrorCode::kModelFile);
    EXPECT_EQ(tokenizer.error().message().find('\n'), std::string::npos);
    return tokenizer.error().message();
  }

 private:
  std::string bytes() const {
    std::string file = "GGUF";
    append<uint32_t>(&file, 3);
    append<uint64_t>(&file, 0);
    append<uint64_t>(&file, n_);
    return file + body_;
  }
  template <class T>
  static void append(std::string* to, T value) {
    to->append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <class T>
  void number(T value) {
    append(&body_, value);
  }
  void string(std::string_view value) {
    number<uint64_t>(value.size());
    body_ += value;
  }
  void begin(std::string_view key, uint32_t type) {
    string(key);
    number(type);
    ++n_;
  }
  std::string body_;
  uint64_t n_ = 0;
};

Header sound() {
  return Header()
      .text("tokenizer.ggml.model", "gpt2")
      .text("tokenizer.ggml.pre", "qwen2")
      .texts("tokenizer.ggml.tokens", {"a", "b", "ab", "<|end|>"})
      .texts("tokenizer.ggml.merges", {"a b"});
}

TEST(TokenizerFromGguf, RefusesByKey) {
  using testing::HasSubstr;
  EXPECT_EQ(sound().message(), "");
  EXPECT_THAT(Header().message(), HasSubstr("made.gguf: the file has no tokenizer.ggml.model"));
  EXPECT_THAT(Header().text("tokenizer.ggml.model", "llama").message(),
              HasSubstr("tokenizer.ggml.model is \"llama\""));
  EXPECT_THAT(Header().text("tokenizer.ggml.model", "gpt2").message(), HasSubstr("no tokenizer.ggml.pre"));
  EXPECT_THAT(Header().value<uint32_t>("tokenizer.ggml.model", 4, 1).message(),
              HasSubstr("tokenizer.ggml.model"));
  const std::string types = "tokenizer.ggml.token_type";
  EXPECT_EQ(sound().numbers<int32_t>(types, 5, {1, 1, 1, 3}).message(), "");
  EXPECT_EQ(sound().numbers<uint32_t>(types, 4, {1, 1, 1, 3}).message(), "");
  EXPECT_THAT(sound().numbers<int32_t>(types, 5, {1, 1, 1}).message(),
              HasSubstr("4 tokens but 3 token types"));
  EXPECT_THAT(sound().numbers<int32_t>(types, 5, {1, 1, 1, 7}).message(),
              HasSubstr("token 3 has the unknown type 7"));
  EXPECT_THAT(sound().numbers<int64_t>(types, 11, {1, 1, 1, int64_t{1} << 32}).message(),
              HasSubstr("token 3"));
  EXPECT_THAT(sound().numbers<int32_t>(types, 5, {}).message(), HasSubstr("token_type is empty"));
  EXPECT_THAT(sound().numbers<float>(types, 6, {1, 1, 1, 1}).message(), HasSubstr(types));
}

TEST(TokenizerFromGguf, SpecialIds) {
  const std::string eos = "tokenizer.ggml.eos_token_id";
  EXPECT_EQ(sound().value<uint32_t>(eos, 4, 3).message(), "");
  EXPECT_EQ(sound().value<uint32_t>(eos, 4, 0xFFFFFFFF).message(), "") << "the usual way to say none";
  EXPECT_EQ(sound().value<int32_t>(eos, 5, -1).message(), "") << "the same, signed";
  EXPECT_THAT(sound().value<int32_t>(eos, 5, -2).message(), testing::HasSubstr("eos_token_id"));
  EXPECT_THAT(sound().value<uint32_t>(eos, 4, 4).message(), testing::HasSubstr("eos_token_id is 4"));
  EXPECT_THAT(sound().value<uint8_t>("tokenizer.ggml.add_bos_token", 7, 1).message(),
              testing::HasSubstr("no bos_token_id"));
}

// Nobody needs these for an answer. What begins or ends one must be a token.
TEST(TokenizerFromGguf, IdsThatNobodyNeedsMayNameNoToken) {
  const std::string prefix = "tokenizer.ggml.";
  for (const char* name : {"padding", "unknown", "seperator", "mask", "fim_pre", "middle", "fim_sep"}) {
    const std::string key = prefix + name + "_token_id";
    for (const int32_t id : {4, 5000, -2}) {
      const Header file = sound().value<int32_t>(key, 5, id);
      EXPECT_EQ(file.message(), "") << key;
      ASSERT_EQ(file.ignored().size(), 1u) << key;
      EXPECT_EQ(file.ignored()[0],
                key + " is " + std::to_string(id) + ", but the vocabulary has 4 tokens; it is ignored");
    }
    EXPECT_TRUE(sound().value<uint32_t>(key, 4, 3).ignored().empty()) << key;
    EXPECT_TRUE(sound().value<uint32_t>(key, 4, 0xFFFFFFFF).ignored().empty()) << key;
    EXPECT_TRUE(sound().value<int32_t>(key, 5, -1).ignored().empty()) << key;
  }
  for (const char* name : {"bos", "eos", "eot", "eom"}) {
    const Header file = sound().value<uint32_t>(prefix + name + "_token_id", 4, 4);
    EXPECT_THAT(file.message(), testing::HasSubstr(std::string(name) + "_token_id is 4"));
    EXPECT_TRUE(file.ignored().empty());
  }
}

}  // namespace
}  // namespace gannet
