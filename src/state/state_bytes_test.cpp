#include "state/state_bytes.h"

#include <gtest/gtest.h>

#include <random>

#include "state/toy_model_for_test.h"

namespace gannet {
namespace {

std::shared_ptr<StatePool> make_pool(int64_t open_rows = 4, int64_t fold_at = 3) {
  StatePoolOptions o;
  o.max_tokens = 1000;
  o.open_rows = open_rows;
  o.fold_at = fold_at;
  return std::make_shared<StatePool>(ToyModel::layout(), o);
}

// A text read in steps of all kinds, with the snapshots and references of some of its points.
struct Point {
  StateSnapshot state;
  ToyReference want;
};
std::vector<Point> points_of(const std::shared_ptr<StatePool>& pool, uint32_t seed, int n_steps) {
  ToyKernels toy(pool);
  SequenceState s(pool);
  ToyReference want;
  std::mt19937 random(seed);
  std::vector<Point> points;
  for (int i = 0; i < n_steps; ++i) {
    const bool kept = random() % 2 == 0;
    std::vector<int64_t> tokens(kept ? 1 + random() % 70 : 1 + random() % 4);
    for (int64_t& token : tokens) token = random() % 50;
    const int64_t n = kept ? std::ssize(tokens) : 1 + random() % std::ssize(tokens);
    toy.step(s, tokens, n, kept);
    for (int64_t t = 0; t < n; ++t) want.push(tokens[static_cast<size_t>(t)]);
    if (random() % 3 != 0) {  // the MTP block lags behind
      std::vector<int64_t> mtp(1 + random() % 3);
      for (int64_t& token : mtp) token = random() % 50;
      if (s.length(StatePart::kMtp) + std::ssize(mtp) <= s.length()) {
        toy.step(s, mtp, std::ssize(mtp), true, StatePart::kMtp);
        for (const int64_t token : mtp) want.push_mtp(token);
      }
    }
    points.push_back({s.snapshot(), want});
  }
  return points;
}

struct Stored {
  StateLengths from, to;
  std::vector<std::byte> kv;
  RecurrentBytes recurrent;
};
Stored stored(const StateSnapshot& state, const StateLengths& from) {
  Stored out{from, lengths_of(state), {}, read_recurrent(state)};
  out.kv.resize(static_cast<size_t>(kv_bytes(ToyModel::layout(), out.from, out.to)));
  read_kv(state, out.from, out.to, out.kv);
  return out;
}

TEST(StateBytes, ComeBackInPiecesInAnotherPool) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const auto from = make_pool(), to = make_pool(6, 5);
    const std::vector<Point> points = points_of(from, seed, 12);
    std::vector<Stored> pieces;
    StateLengths at = {};
    for (const Point& point : points) {
      pieces.push_back(stored(point.state, at));
      at = lengths_of(point.state);
    }
    StateSnapshot before;  // the point before that, in the new pool
    for (size_t i = 0; i < points.size(); ++i) {
      // From the beginning, or behind what is there.
      StateBuilder builder(to, i % 3 == 0 ? StateSnapshot() : before);
      for (size_t k = 0; k <= i; ++k)
        ASSERT_TRUE(builder.add_kv(pieces[k].from, pieces[k].to, pieces[k].kv).ok());
      auto made =
          builder.finish(points[i].state.length(), pieces[i].recurrent.base_at, pieces[i].recurrent.bytes);
      ASSERT_TRUE(made.ok()) << made.error().message();
      before = made.take();
      ToyKernels toy(to);
      SequenceState s(to);
      s.rollback(before);
      ToyReference want = points[i].want;
      toy.expect(s, want);
      // And it can go on.
      const std::vector<int64_t> more = {7, 8, 9};
      const std::vector<int64_t> got = toy.step(s, more, 3);
      for (size_t t = 0; t < more.size(); ++t) EXPECT_EQ(got[t], want.push(more[t]));
      toy.expect(s, want);
    }
  }
}

TEST(StateBytes, NothingStaysBehind) {
  const auto pool = make_pool();
  {
    const std::vector<Point> points = points_of(pool, 1, 5);
    const Stored all = stored(points.back().state, {});
    StateBuilder builder(pool, {});
    ASSERT_TRUE(builder.add_kv(all.from, all.to, all.kv).ok());
    EXPECT_TRUE(builder.finish(all.to[0], all.recurrent.base_at, all.recurrent.bytes).ok());
    StateBuilder given_up(pool, points.front().state);
    ASSERT_TRUE(given_up.add_kv(all.from, all.to, all.kv).ok());
  }
  EXPECT_EQ(pool->counters().bytes_in_use, 0);
}

TEST(StateBytes, WhatDoesNotFitIsRefused) {
  const auto pool = make_pool();
  const std::vector<Point> points = points_of(pool, 2, 6);
  const StateSnapshot& state = points.back().state;
  const Stored all = stored(state, {});
  const auto finish = [&](int64_t length, int64_t base_at, std::span<const std::byte> bytes,
                          const std::shared_ptr<StatePool>& to) {
    StateBuilder builder(to, {});
    if (auto added = builder.add_kv(all.from, all.to, all.kv); !added.ok()) return false;
    return builder.finish(length, base_at, bytes).ok();
  };
  const auto& [base_at, bytes] = all.recurrent;
  EXPECT_TRUE(finish(all.to[0], base_at, bytes, pool));
  EXPECT_FALSE(finish(all.to[0] + 1, base_at + 1, bytes, pool));
  EXPECT_FALSE(finish(all.to[0], base_at - 1, bytes, pool));
  EXPECT_FALSE(finish(all.to[0], all.to[0] + 1, bytes, pool));
  EXPECT_FALSE(finish(all.to[0], -1, bytes, pool));
  EXPECT_FALSE(finish(all.to[0], base_at, std::span(bytes).first(bytes.size() - 4), pool));
  StatePoolOptions small;
  small.max_tokens = all.to[0] - 1;
  EXPECT_FALSE(finish(all.to[0], base_at, bytes, std::make_shared<StatePool>(ToyModel::layout(), small)));
  StateBuilder builder(pool, {});
  EXPECT_FALSE(builder.add_kv(all.from, all.to, std::span(all.kv).first(all.kv.size() - 1)).ok());
  EXPECT_FALSE(builder.add_kv({1, 0}, all.to, all.kv).ok());
  const Stored gap = stored(state, lengths_of(points.front().state));
  EXPECT_FALSE(builder.add_kv(gap.from, gap.to, gap.kv).ok());
}

// A ring that is too small for the open tokens.
TEST(StateBytes, OpenTokensNeedRoom) {
  const auto from = make_pool(8, 8), to = make_pool(0, 1);
  ToyKernels toy(from);
  SequenceState s(from);
  toy.step(s, {1, 2, 3}, 3);
  const Stored all = stored(s.snapshot(), {});
  ASSERT_LT(all.recurrent.base_at, 3);
  StateBuilder builder(to, {});
  ASSERT_TRUE(builder.add_kv(all.from, all.to, all.kv).ok());
  EXPECT_FALSE(builder.finish(3, all.recurrent.base_at, all.recurrent.bytes).ok());
}

}  // namespace
}  // namespace gannet
