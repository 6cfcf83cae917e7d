// That the prompts are what tests of speculation rely on: many, all different, of every kind, always the
// same.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "engine/speculation_prompts_for_test.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

Tokenizer pocket_tokenizer() {
  const GgufFile file = GgufFile::open("models/pocket.gguf").take();
  return tokenizer_from_gguf(file).take();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(SpeculationPrompts, KeptOnesHaveAllKindsAndOwnNames) {
  std::map<std::string, int> kinds;
  std::set<std::string> names;
  for (const KeptPrompt& prompt : kept_prompts()) {
    ++kinds[prompt.kind];
    EXPECT_TRUE(names.insert(prompt.kind + " " + prompt.name).second) << prompt.name;
    EXPECT_FALSE(prompt.text.empty()) << prompt.name;
  }
  EXPECT_EQ(kinds, (std::map<std::string, int>{{"dictionary", 8}, {"json", 8}, {"code", 8}, {"prose", 8}}));
  // Line breaks at the end are those of the file, neither more nor fewer.
  EXPECT_EQ(kept_prompts()[0].text, "<|im_start|>user\ndefine harbor<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(kept_prompts()[24].text, "In the morning the old man went down to the");
}

TEST(SpeculationPrompts, TheEditChangesOneLineOfTwoHundred) {
  const EditForTest edit = edit_for_test();
  const std::vector<std::string> after = lines_of(edit.answer), prompt = lines_of(edit.prompt);
  ASSERT_EQ(after.size(), 200u);
  const auto begin = std::find(prompt.begin(), prompt.end(), after[0]);
  ASSERT_GE(prompt.end() - begin, 200);
  int changed = 0;
  for (size_t i = 0; i < 200; ++i) changed += begin[static_cast<std::ptrdiff_t>(i)] != after[i];
  EXPECT_EQ(changed, 1);
}

// Every kind in the first six, ids in the vocabulary, all different, the same again and as part of fewer.
void expect_good(const std::vector<MadePrompt>& prompts, const std::vector<MadePrompt>& again,
                 int32_t n_vocab) {
  ASSERT_GE(prompts.size(), 200u);
  std::set<std::string> kinds, names;
  std::set<std::vector<TokenId>> texts;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto& [name, ids] = prompts[i];
    if (i < 6) kinds.insert(name.substr(0, name.find(' ')));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(texts.insert(ids).second) << name << " was there before";
    ASSERT_GE(ids.size(), 1u) << name;
    ASSERT_LE(ids.size(), 128u) << name;
    if (name.starts_with("repetition")) {
      EXPECT_EQ(ids.size(), 128u) << name;
    }
    for (const TokenId id : ids) ASSERT_TRUE(id >= 0 && id < n_vocab) << name;
    if (i < again.size()) {
      EXPECT_EQ(again[i].ids, ids) << name;
    }
  }
  EXPECT_EQ(kinds.size(), 6u);
}

TEST(SpeculationPrompts, MadeOnesForATokenizer) {
  const Tokenizer tokenizer = pocket_tokenizer();
  expect_good(made_prompts(tokenizer, kIdentityPrompts), made_prompts(tokenizer, 30),
              tokenizer.vocabulary().size());
}

TEST(SpeculationPrompts, MadeOnesForAVocabularySize) {
  for (const int32_t n_vocab : {1024, 248320})
    expect_good(made_prompts(n_vocab, kIdentityPrompts), made_prompts(n_vocab, 30), n_vocab);
}

// What n-gram sources look up: in most of those of repetition and many of CJK, the last 8 tokens stand there
// before; in random ids never.
TEST(SpeculationPrompts, LookingUpFindsSomething) {
  const Tokenizer tokenizer = pocket_tokenizer();
  std::map<std::string, int> found;
  for (const auto& [name, ids] : made_prompts(tokenizer, kIdentityPrompts)) {
    if (ids.size() < 16) continue;
    const auto last = ids.end() - 8;
    if (std::search(ids.begin(), last, last, ids.end()) != last) ++found[name.substr(0, name.find(' '))];
  }
  EXPECT_GE(found["repetition"], 20);
  EXPECT_GE(found["cjk"], 10);
  EXPECT_EQ(found["random"], 0);
}

}  // namespace
}  // namespace gannet
