#include "engine/prefix_cache.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "engine/session.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;

struct PrefixCacheTest : testing::Test {
  static const std::shared_ptr<const Model>& model() {
    static const auto loaded = Model::load("models/pocket.gguf", {}, nullptr).take();
    return loaded;
  }
  std::unique_ptr<Session> session = [] {
    SessionOptions options;
    options.n_ctx = 512;
    options.n_threads = 1;
    return Session::create(model(), options).take();
  }();
  PrefixCache cache{session->pool()};

  // What the model remembers of a text.
  StateSnapshot state_of(const Ids& tokens) {
    SequenceState sequence = session->new_sequence();
    EXPECT_TRUE(session->prefill(sequence, tokens).ok());
    return sequence.snapshot();
  }
  void remember(const Ids& tokens) { cache.remember(tokens, state_of(tokens)); }
  size_t found(const Ids& tokens, size_t most = SIZE_MAX) {
    const auto hit = cache.find(tokens, most);
    if (!hit) return 0;
    EXPECT_EQ(hit->state.length(), static_cast<int64_t>(hit->n_tokens));
    return hit->n_tokens;
  }
};

TEST_F(PrefixCacheTest, FindsTheLongestBeginning) {
  EXPECT_EQ(found({1, 2, 3}), 0u);
  remember({1, 2, 3});
  remember({1, 2, 3, 4, 5, 6});
  remember({1, 2, 7, 8});
  remember({9});
  EXPECT_EQ(cache.n_points(), 4u);
  EXPECT_EQ(found({1, 2, 3}), 3u);
  EXPECT_EQ(found({1, 2, 3}, 2), 0u);
  EXPECT_EQ(found({1, 2, 3, 4, 5}), 3u);
  EXPECT_EQ(found({1, 2, 3, 4, 5, 6, 7}), 6u);
  EXPECT_EQ(found({1, 2, 3, 4, 5, 6, 7}, 5), 3u);
  EXPECT_EQ(found({1, 2, 7, 8, 1}), 4u);
  EXPECT_EQ(found({1, 2}), 0u);
  EXPECT_EQ(found({9, 9}), 1u);
  EXPECT_EQ(cache.common(Ids{1, 2, 7, 9}), 3u);
  EXPECT_EQ(cache.common(Ids{1, 2, 3, 4}), 4u);
  EXPECT_EQ(cache.common(Ids{2}), 0u);
  remember({1, 2});
  EXPECT_EQ(found({1, 2, 5}), 2u);
  cache.clear();
  EXPECT_EQ(cache.n_points(), 0u);
  EXPECT_EQ(found({1, 2, 3}), 0u);
  EXPECT_EQ(cache.common(Ids{1, 2}), 0u);
}

TEST_F(PrefixCacheTest, TheOldestIsForgottenFirst) {
  PrefixCache small(session->pool(), nullptr, 2);
  small.remember(Ids{1, 2}, state_of({1, 2}));
  small.remember(Ids{1, 3}, state_of({1, 3}));
  EXPECT_TRUE(small.find(Ids{1, 2, 3}, 3));
  small.remember(Ids{1, 4}, state_of({1, 4}));
  EXPECT_EQ(small.n_points(), 2u);
  EXPECT_TRUE(small.find(Ids{1, 2}, 2));
  EXPECT_FALSE(small.find(Ids{1, 3}, 2));
  EXPECT_TRUE(small.find(Ids{1, 4}, 2));
}

// Against a list of all that was remembered.
TEST_F(PrefixCacheTest, AsAListWouldHaveIt) {
  std::mt19937 random(3);
  std::set<Ids> all;
  const auto text = [&] {
    Ids ids(1 + random() % 7);
    for (TokenId& id : ids) id = static_cast<TokenId>(random() % 3);
    return ids;
  };
  PrefixCache many(session->pool(), nullptr, 40);
  for (int round = 0; round < 400; ++round) {
    const Ids ids = text();
    if (random() % 3 == 0 && all.size() < 40) {
      many.remember(ids, state_of(ids));
      all.insert(ids);
    }
    size_t longest = 0, common = 0;
    for (const Ids& one : all) {
      const auto same = static_cast<size_t>(std::ranges::mismatch(one, ids).in1 - one.begin());
      common = std::max(common, same);
      if (same == one.size()) longest = std::max(longest, same);
    }
    const auto hit = many.find(ids, ids.size());
    EXPECT_EQ(hit ? hit->n_tokens : 0, longest);
    EXPECT_EQ(many.common(ids), common);
    EXPECT_EQ(many.n_points(), all.size());
  }
}

// Texts of very many turns.
TEST_F(PrefixCacheTest, DeepTrees) {
  Ids ids;
  SequenceState sequence = session->new_sequence();
  for (int i = 0; i < 500; ++i) {
    ids.push_back(i % 7);
    ASSERT_TRUE(session->prefill(sequence, std::span(ids).last(1)).ok());
    cache.remember(ids, sequence.snapshot());
  }
  EXPECT_EQ(found(ids), 500u);
  EXPECT_EQ(found(ids, 123), 123u);
}

}  // namespace
}  // namespace gannet
