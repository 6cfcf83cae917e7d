// Ids of the published tokenizer of Qwen3 for several hundred texts with decomposed letters, marks in any
// order, Hangul, compatibility characters and special tokens. scripts/tokenizer_oracle.mjs makes the data and
// says why a part of the vocabulary is enough.
#include <gtest/gtest.h>

#include <fstream>

#include <nlohmann/json.hpp>

#include "text/vocabulary_for_test.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;

struct Published {
  Published() {
    data = nlohmann::json::parse(std::ifstream("tests/data/tokenizer/qwen3.json"));
    const auto add = [&](const nlohmann::json& token, TokenType type) {
      source.add(token.at(1), type);
      id_of.push_back(token.at(0));
    };
    source.pre = "qwen2";
    for (const auto& token : data.at("tokens")) add(token, TokenType::kNormal);
    for (const auto& token : data.at("added"))
      add(token, token.at(2) ? TokenType::kControl : TokenType::kUserDefined);
    for (const auto& merge : data.at("merges")) source.merges.push_back(merge);
  }

  // The ids of the whole vocabulary.
  Ids encode(const Tokenizer& tokenizer, const std::string& text) const {
    Ids ids = tokenizer.encode(text, {.parse_special = true}).take();
    for (TokenId& id : ids) id = id_of[static_cast<size_t>(id)];
    return ids;
  }

  nlohmann::json data;
  VocabularyForTest source;
  Ids id_of;  // by id of `source`
};

TEST(PublishedTokenizer, GivesTheSameIds) {
  const Published published;
  const Tokenizer tokenizer = published.source.build().take();
  size_t n_texts = 0;
  for (const auto& text : published.data.at("texts")) {
    EXPECT_EQ(published.encode(tokenizer, text.at(0)), text.at(1).get<Ids>())
        << text.at(0).dump(-1, ' ', true);
    ++n_texts;
  }
  EXPECT_GE(n_texts, 500u);
}

// The same vocabulary under the name of a pre-tokenizer that splits alike and has no normaliser.
TEST(PublishedTokenizer, OtherNamesDoNotNormalise) {
  Published published;
  published.source.pre = "megrez";
  const Tokenizer tokenizer = published.source.build().take();
  size_t different = 0;
  for (const auto& text : published.data.at("texts")) {
    const std::string given = text.at(0);
    Ids ids = tokenizer.encode(given, {.parse_special = true}).take();
    EXPECT_EQ(tokenizer.decode(ids, {.show_special = true}).take(), given);
    different += published.encode(tokenizer, given) != text.at(1).get<Ids>() ? 1 : 0;
  }
  EXPECT_GE(different, 200u);
}

}  // namespace
}  // namespace gannet
