// The small head: which tokens it has, that rows and tokens belong together whatever texts come, and that its
// logits are those of the model's head.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "engine/draft_head.h"
#include "engine/draft_vocabulary.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

std::shared_ptr<const Model> pocket() {
  static const auto model = Model::load("models/pocket.gguf", {}, nullptr).take();
  return model;
}

const Vocabulary& vocabulary() {
  static const Tokenizer made = tokenizer_from_gguf(pocket()->file()).take();
  return made.vocabulary();
}

std::unique_ptr<Session> session() {
  SessionOptions options;
  options.mtp = true;
  options.n_threads = 1;
  return Session::create(pocket(), options).take();
}

TEST(DraftVocabulary, WhatIsAlwaysInIt) {
  const auto ids = choose_draft_tokens(vocabulary(), {}, 800);
  ASSERT_EQ(ids.size(), 800u);
  EXPECT_TRUE(std::ranges::is_sorted(ids));
  EXPECT_EQ(std::set<TokenId>(ids.begin(), ids.end()).size(), ids.size());
  size_t special = 0;
  for (TokenId id = 0; id < vocabulary().size(); ++id) {
    if (vocabulary().type(id) != TokenType::kControl && vocabulary().piece(id).size() != 1) continue;
    ++special;
    EXPECT_TRUE(std::ranges::binary_search(ids, id)) << id;
  }
  EXPECT_GE(special, 256u + 3u);
  for (const TokenId id : vocabulary().end_tokens()) EXPECT_TRUE(std::ranges::binary_search(ids, id));
  // The rest is what was merged first.
  EXPECT_TRUE(std::ranges::binary_search(ids, 400));
  EXPECT_EQ(choose_draft_tokens(vocabulary(), {}, 100000).size(), static_cast<size_t>(vocabulary().size()));
}

TEST(DraftVocabulary, CountsDecide) {
  TokenCounts counts;
  EXPECT_FALSE(std::ranges::binary_search(choose_draft_tokens(vocabulary(), counts, 800), 4000));
  const std::vector<TokenId> text(100, 4000);
  counts.add(text);
  EXPECT_TRUE(std::ranges::binary_search(choose_draft_tokens(vocabulary(), counts, 800), 4000));
}

TEST(DraftVocabulary, CountsAreKept) {
  TokenCounts counts;
  counts.add(std::vector<TokenId>{5, 7, 5, -1, 900});
  const auto list = counts.list();
  using Pairs = std::vector<std::pair<TokenId, uint32_t>>;
  EXPECT_EQ(list, (Pairs{{5, 2}, {7, 1}, {900, 1}}));
  TokenCounts again;
  again.add(list);
  again.add(Pairs{{7, UINT32_MAX}, {-3, 1}});
  EXPECT_EQ(again.list(), (Pairs{{5, 2}, {7, UINT32_MAX}, {900, 1}}));
  EXPECT_EQ(again.of(5), 2u);
  EXPECT_EQ(again.of(6), 0u);
  EXPECT_EQ(again.of(100000), 0u);
}

TEST(DraftVocabulary, OnlyFrequentOnesAreStored) {
  TokenCounts counts;
  counts.add(std::vector<TokenId>{5, 5, 5, 30, 30, 40, 50, 50, 60});
  using Pairs = std::vector<std::pair<TokenId, uint32_t>>;
  EXPECT_EQ(counts.most_frequent(10, 2), (Pairs{{30, 2}, {50, 2}}));
  EXPECT_EQ(counts.most_frequent(10, 3), (Pairs{{30, 2}, {40, 1}, {50, 2}}));
  counts.add(Pairs{{40, 4 * TokenCounts::kFull}});
  const Pairs faded = counts.most_frequent(10, 100);
  EXPECT_EQ(faded, (Pairs{{30, 1}, {40, TokenCounts::kFull / 2 + 1}, {50, 1}, {60, 1}}));
}

std::vector<float> block_logits(Session& s) {
  SequenceState sequence = s.new_sequence();
  const std::vector<int32_t> tokens = {40, 300, 17};
  std::vector<float> hidden(tokens.size() * s.model().hyperparameters().n_embd);
  for (size_t i = 0; i < hidden.size(); ++i) hidden[i] = static_cast<float>(i % 13) - 6;
  const ForwardRows rows = s.forward_mtp(sequence, tokens, hidden, LogitRows::kLast).take();
  return {rows.logits.f32(0), rows.logits.f32(0) + rows.logits.shape.last()};
}

TEST(DraftHead, RowsAndTokensBelongTogether) {
  const auto whole = block_logits(*session());
  auto s = session();
  EXPECT_EQ(block_logits(*s), whole);
  const auto ids = choose_draft_tokens(vocabulary(), {}, 600);
  constexpr size_t kFree = 50;
  auto head = DraftHead::make(*s, ids, kFree).take();
  std::mt19937 random(1);
  for (int round = 0; round < 6; ++round) {
    ASSERT_EQ(head->ids().size(), 600 + kFree);
    EXPECT_TRUE(std::equal(ids.begin(), ids.end(), head->ids().begin()));
    size_t mapped = 0;
    for (size_t id = 0; id < head->rows().size(); ++id) {
      const int32_t row = head->rows()[id];
      if (row < 0) continue;
      ++mapped;
      EXPECT_EQ(head->ids()[static_cast<size_t>(row)], static_cast<TokenId>(id));
    }
    EXPECT_EQ(mapped, head->ids().size());
    const auto logits = block_logits(*s);
    ASSERT_EQ(logits.size(), head->ids().size());
    for (size_t i = 0; i < logits.size(); ++i)
      EXPECT_EQ(logits[i], whole[static_cast<size_t>(head->ids()[i])]) << i;
    // A text with fewer new tokens than there are rows, or more.
    std::vector<TokenId> text;
    for (int i = 0; i < 20 * round; ++i) text.push_back(static_cast<TokenId>(random() % 4096));
    text.push_back(-1);
    head->note(text);
    ASSERT_TRUE(head->refresh().ok());
    for (size_t i = text.size() > kFree ? text.size() - kFree : 0; i + 1 < text.size(); ++i)
      EXPECT_GE(head->rows()[static_cast<size_t>(text[i])], 0) << "a token of the text has no row";
  }
}

}  // namespace
}  // namespace gannet
