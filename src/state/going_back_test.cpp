// Rows of a step that are taken back: recurrent state and KV against a model that never saw them.
#include <random>

#include "state/toy_model_for_test.h"

namespace gannet {
namespace {

std::shared_ptr<StatePool> make_pool(int64_t open_rows, int64_t fold_at) {
  StatePoolOptions o;
  o.max_tokens = 5000;
  o.open_rows = open_rows;
  o.fold_at = fold_at;
  return std::make_shared<StatePool>(ToyModel::layout(), o);
}

// Runs `n` rows of which `n_kept` stay: results of all rows, those taken back too, as if they were read one
// by one. Tokens differ from round to round.
void round(ToyKernels& toy, SequenceState& s, ToyReference& want, int64_t n, int64_t n_kept, int64_t salt,
           bool kept = false) {
  std::vector<int64_t> tokens, results;
  ToyReference ahead = want;
  for (int64_t i = 0; i < n; ++i) {
    tokens.push_back(salt * 31 + i * 7 + 1);
    results.push_back(ahead.push(tokens.back()));
  }
  ASSERT_EQ(toy.step(s, tokens, n_kept, kept), results);
  for (int64_t i = 0; i < n_kept; ++i) want.push(tokens[static_cast<size_t>(i)]);
}

// Three rounds in every combination of rows and rows kept.
TEST(GoingBack, AllPatternsOfUpToEightRows) {
  constexpr int64_t kMost = 8;
  const auto pool = make_pool(kMost, 4);
  ToyKernels toy(pool);
  SequenceState base(pool);
  ToyReference base_want;
  round(toy, base, base_want, 60, 60, 1, true);  // so that patterns cross from page to page
  for (int64_t n1 = 1; n1 <= kMost; ++n1)
    for (int64_t k1 = 0; k1 <= n1; ++k1)
      for (int64_t n2 = 1; n2 <= kMost; ++n2)
        for (int64_t k2 = 0; k2 <= n2; ++k2)
          for (int64_t n3 = 1; n3 <= kMost; n3 += 1 + (n1 + n2) % 3)
            for (int64_t k3 = 0; k3 <= n3; ++k3) {
              SequenceState s = base.fork();
              ToyReference want = base_want;
              round(toy, s, want, n1, k1, 2);
              round(toy, s, want, n2, k2, 3);
              round(toy, s, want, n3, k3, 4);
              toy.expect(s, want);
              ASSERT_FALSE(testing::Test::HasFailure())
                  << k1 << "/" << n1 << " " << k2 << "/" << n2 << " " << k3 << "/" << n3;
            }
}

// Hundreds of rounds, so that rings wrap many times; bases stored at any distance give the same.
TEST(GoingBack, ManyRoundsWrapTheRing) {
  for (const int64_t open_rows : {1, 3, 8, 64})
    for (const int64_t fold_at : {1, 4, 8, 32}) {
      const auto pool = make_pool(open_rows, fold_at);
      ToyKernels toy(pool);
      SequenceState s(pool);
      ToyReference want;
      std::mt19937 random(static_cast<uint32_t>(open_rows * 100 + fold_at));
      const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint32_t>(n)); };
      int64_t steps = 0;
      for (; steps < 300 && s.length() < 4000; ++steps) {
        const int64_t n = 1 + below(open_rows);
        round(toy, s, want, n, below(n + 1), steps);
        if (steps % 16 == 0) toy.expect(s, want);
        ASSERT_FALSE(HasFailure()) << open_rows << " " << fold_at << " step " << steps;
      }
      EXPECT_GT(steps, 64);
      EXPECT_GT(s.length(), 2 * pool->places().ring_entries);
      toy.expect(s, want);
      EXPECT_EQ(pool->counters().bytes_copied, 0);
      EXPECT_EQ(pool->counters().slots, 1) << "bases are stored in place";
    }
}

// Everything at once, in any order: steps open and kept, small and large, steps that did not run or were not
// committed, cuts, forks and snapshots in mid-pattern.
TEST(GoingBack, AnyMixOfCallsGivesTheSame) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const auto pool = make_pool(1 + seed % 8, 1 + seed % 5);
    ToyKernels toy(pool);
    struct One {
      SequenceState state;
      ToyReference want;
    };
    struct Mark {
      StateSnapshot snapshot;
      ToyReference want;
    };
    std::vector<One> all;
    all.push_back({SequenceState(pool), {}});
    std::vector<Mark> marks = {{}};
    std::vector<std::vector<int64_t>> read = {{}};  // tokens of each, to cut the references
    std::vector<std::vector<int64_t>> read_marks = {{}};
    std::mt19937 random(seed);
    const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
    for (int64_t i = 0; i < 400; ++i) {
      const size_t at = below(all.size());
      auto& [s, want] = all[at];
      const auto step = [&](int64_t n, bool kept, bool ran, int64_t n_kept, int64_t base_after = -1) {
        std::vector<int64_t> tokens;
        for (int64_t t = 0; t < n; ++t) tokens.push_back(i * 13 + t);
        toy.bindings(StatePart::kTrunk).begin();
        ASSERT_TRUE(toy.bindings(StatePart::kTrunk).add(s, 0, n, kept, base_after).ok());
        if (!ran) return;
        toy.run(StatePart::kTrunk, tokens);
        if (n_kept < 0) return;  // and never committed
        s.commit(StatePart::kTrunk, n_kept);
        for (int64_t t = 0; t < n_kept; ++t) {
          want.push(tokens[static_cast<size_t>(t)]);
          read[at].push_back(tokens[static_cast<size_t>(t)]);
        }
      };
      const auto open = static_cast<int64_t>(1 + below(static_cast<size_t>(pool->options().open_rows)));
      switch (below(14)) {
        case 0:
          if (all.size() < 4) {
            all.push_back({s.fork(), want});
            read.push_back(read[at]);
          }
          break;
        case 1:
          marks.push_back({s.snapshot(), want});
          read_marks.push_back(read[at]);
          break;
        case 2: {
          const size_t m = below(marks.size());
          s.rollback(marks[m].snapshot);
          want = marks[m].want;
          read[at] = read_marks[m];
          break;
        }
        case 3: {
          const int64_t cut =
              s.earliest() + static_cast<int64_t>(below(static_cast<size_t>(s.length() - s.earliest() + 1)));
          ASSERT_TRUE(s.truncate(StatePart::kTrunk, cut));
          read[at].resize(static_cast<size_t>(cut));
          want = {};
          for (const int64_t token : read[at]) want.push(token);
          break;
        }
        case 4:
          step(40, false, true, 40);
          break;
        case 12: {
          const auto n = static_cast<int64_t>(below(2) == 0 ? 40 : open);
          step(n, true, true, below(4) == 0 ? -1 : n, std::max<int64_t>(0, n - open));
          if (s.earliest() < s.length() && below(2) == 0) {
            // What is cut off there holds no ring but its own.
            SequenceState cut = s.fork();
            ASSERT_TRUE(cut.truncate(StatePart::kTrunk, s.earliest()));
            ToyReference until;
            for (int64_t t = 0; t < s.earliest(); ++t) until.push(read[at][static_cast<size_t>(t)]);
            toy.expect(cut, until);
          }
          break;
        }
        case 5:
          step(static_cast<int64_t>(below(4)), true, true, below(2) == 0 ? -1 : 0);
          break;
        case 6:
          step(open, false, false, -1);
          break;
        case 7:
          step(open, false, true, -1);
          break;
        default:
          step(open, false, true, static_cast<int64_t>(below(static_cast<size_t>(open) + 1)));
      }
      if (i % 20 == 0)
        for (One& one : all) toy.expect(one.state, one.want);
      ASSERT_FALSE(HasFailure()) << "seed " << seed << " call " << i;
    }
    for (One& one : all) toy.expect(one.state, one.want);
  }
}

TEST(GoingBack, TruncateGoesToTheBaseAndNoFurther) {
  const auto pool = make_pool(8, 4);
  ToyKernels toy(pool);
  SequenceState s(pool);
  ToyReference want;
  round(toy, s, want, 20, 20, 1);
  EXPECT_EQ(s.earliest(), 20) << "more rows than may be open are kept";
  const ToyReference at20 = want;
  round(toy, s, want, 3, 3, 2);
  EXPECT_EQ(s.earliest(), 20);
  EXPECT_FALSE(s.truncate(StatePart::kTrunk, 19));
  EXPECT_FALSE(s.truncate(StatePart::kTrunk, 24));
  toy.expect(s, want);
  EXPECT_TRUE(s.truncate(StatePart::kTrunk, 20));
  toy.expect(s, at20);
  want = at20;
  round(toy, s, want, 8, 7, 3);
  round(toy, s, want, 2, 2, 4);  // stores the base at 27
  EXPECT_EQ(s.earliest(), 27);
  EXPECT_EQ(s.length(), 29);
  toy.expect(s, want);
  EXPECT_EQ(pool->counters().bytes_copied, 0);
}

// A point inside a step can be gone back to, and holds no ring.
TEST(GoingBack, TheBaseOfAKeptStepMayLieInsideIt) {
  const auto pool = make_pool(8, 1);
  ToyKernels toy(pool);
  SequenceState s(pool);
  ToyReference want;
  round(toy, s, want, 10, 10, 1);
  const std::vector<int64_t> tokens = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  toy.step(s, tokens, 11, true, StatePart::kTrunk, 4);
  ToyReference inside = want;
  for (size_t i = 0; i < tokens.size(); ++i) {
    want.push(tokens[i]);
    if (i < 4) inside.push(tokens[i]);
  }
  toy.expect(s, want);
  EXPECT_EQ(s.earliest(), 14);
  SequenceState cut = s.fork();
  ASSERT_TRUE(cut.truncate(StatePart::kTrunk, 14));
  toy.expect(cut, inside);
  round(toy, s, want, 8, 3, 2);  // stores a base of its own
  EXPECT_EQ(s.earliest(), 21);
  toy.expect(s, want);
  toy.expect(cut, inside);
  s.clear();
  EXPECT_EQ(pool->counters().rings, 0);
  EXPECT_EQ(pool->counters().slots, 1);
  EXPECT_DEATH(toy.step(cut, tokens, 11, true, StatePart::kTrunk, 2), "too far from the end");
}

// The base is stored in place by a step whose rows are then given up.
TEST(GoingBack, CancelAfterTheRunKeepsTheFoldedBase) {
  const auto pool = make_pool(8, 4);
  ToyKernels toy(pool);
  SequenceState s(pool);
  ToyReference want;
  round(toy, s, want, 10, 10, 1);
  round(toy, s, want, 5, 5, 2);
  for (int i = 0; i < 3; ++i) {
    round(toy, s, want, 3, 0, 3 + i);
    EXPECT_EQ(s.earliest(), 15);
    toy.expect(s, want);
  }
  EXPECT_EQ(pool->counters().slots, 1);
  round(toy, s, want, 3, 2, 7);
  toy.expect(s, want);
}

// The plan never ran, so the base is where it was, and so it is for snapshots taken then.
TEST(GoingBack, CancelBeforeTheRunChangesNothing) {
  const auto pool = make_pool(8, 4);
  ToyKernels toy(pool);
  SequenceState s(pool);
  ToyReference want;
  round(toy, s, want, 10, 10, 1);
  round(toy, s, want, 5, 5, 2);
  StepSegments segments;
  ASSERT_TRUE(s.prepare(StatePart::kTrunk, 2, false, segments).ok());
  EXPECT_EQ(segments[0].next_base, segments[0].base) << "to be stored in place";
  s.cancel(StatePart::kTrunk);
  EXPECT_EQ(s.earliest(), 10);
  toy.expect(s, want);

  ASSERT_TRUE(s.prepare(StatePart::kTrunk, 2, false, segments).ok());
  const StateSnapshot mark = s.snapshot();
  EXPECT_DEATH(s.ran(StatePart::kTrunk), "was dropped");
  EXPECT_DEATH(s.commit(StatePart::kTrunk, 2), "more tokens");
  ASSERT_TRUE(s.prepare(StatePart::kTrunk, 2, false, segments).ok());
  SequenceState fork = s.fork();
  EXPECT_DEATH(s.ran(StatePart::kTrunk), "was dropped");
  const ToyReference at_mark = want;
  round(toy, s, want, 4, 3, 3);
  toy.expect(s, want);
  toy.expect(fork, at_mark);
  s.rollback(mark);
  toy.expect(s, at_mark);
}

// Sharing memory with a snapshot costs a store of the base, not a copy.
TEST(GoingBack, ForkInMidPatternWritesToMemoryOfItsOwn) {
  const auto pool = make_pool(8, 4);
  ToyKernels toy(pool);
  SequenceState a(pool);
  ToyReference want_a;
  round(toy, a, want_a, 10, 10, 1);
  round(toy, a, want_a, 3, 2, 2);
  SequenceState b = a.fork();
  ToyReference want_b = want_a;
  EXPECT_EQ(pool->counters().slots, 1);
  EXPECT_EQ(pool->counters().rings, 1);
  round(toy, b, want_b, 6, 1, 3);
  round(toy, a, want_a, 8, 8, 4);
  round(toy, b, want_b, 2, 2, 5);
  EXPECT_EQ(pool->counters().slots, 2);
  EXPECT_EQ(pool->counters().rings, 2);
  toy.expect(a, want_a);
  toy.expect(b, want_b);
}

// A prompt that is read whole needs no ring, nor does a snapshot behind it.
TEST(GoingBack, RingsAreForOpenRowsOnly) {
  const auto pool = make_pool(8, 4);
  ToyKernels toy(pool);
  SequenceState s(pool);
  ToyReference want;
  round(toy, s, want, 100, 100, 1);
  round(toy, s, want, 1, 1, 2, true);
  EXPECT_EQ(pool->counters().rings, 0);
  round(toy, s, want, 1, 1, 3);
  EXPECT_EQ(pool->counters().rings, 1);
  round(toy, s, want, 2, 2, 4, true);  // what is pending goes into the new base
  EXPECT_EQ(s.earliest(), s.length());
  toy.expect(s, want);
  const StateSnapshot mark = s.snapshot();
  s.clear();
  EXPECT_EQ(pool->counters().rings, 0);
  s.rollback(mark);
  toy.expect(s, want);

  const auto never = make_pool(0, 4);
  ToyKernels plain(never);
  SequenceState t(never);
  ToyReference want_t;
  for (int64_t i = 0; i < 20; ++i) {
    StepSegments segments;
    ASSERT_TRUE(t.prepare(StatePart::kTrunk, 1, false, segments).ok());
    EXPECT_EQ(segments[0].base_at, segments[0].n_past);
    EXPECT_EQ(segments[0].next_base_at, segments[0].n_past + 1);
    round(plain, t, want_t, 1, 1, i);
  }
  plain.expect(t, want_t);
  EXPECT_EQ(never->counters().rings, 0);
  ASSERT_TRUE(t.prepare(StatePart::kTrunk, 2, false, *std::make_unique<StepSegments>()).ok());
  t.ran(StatePart::kTrunk);
  EXPECT_DEATH(t.commit(StatePart::kTrunk, 1), "fewer tokens");
}

// A step of several sequences, each with its own fate.
TEST(GoingBack, SequencesShareAStep) {
  const auto pool = make_pool(4, 2);
  ToyKernels toy(pool);
  std::vector<SequenceState> all;
  std::vector<ToyReference> want(3);
  for (int64_t i = 0; i < 3; ++i) all.emplace_back(pool);
  StepBindings& bindings = toy.bindings(StatePart::kTrunk);
  for (int64_t r = 0; r < 70; ++r) {
    std::vector<int64_t> tokens, results, rows;
    std::vector<ToyReference> ahead = want;
    bindings.begin();
    for (size_t i = 0; i < 3; ++i) {
      rows.push_back((r + static_cast<int64_t>(i)) % 3 + 1);
      if (r == 5 && i == 1) rows.back() = 30;  // a piece of a prompt
      ASSERT_TRUE(bindings.add(all[i], static_cast<int64_t>(tokens.size()), rows[i], false).ok());
      for (int64_t t = 0; t < rows[i]; ++t) {
        tokens.push_back(r * 5 + t + static_cast<int64_t>(i));
        results.push_back(ahead[i].push(tokens.back()));
      }
    }
    ASSERT_EQ(toy.run(StatePart::kTrunk, tokens), results) << "round " << r;
    size_t first = 0;
    for (size_t i = 0; i < 3; ++i) {
      const int64_t keep = rows[i] > 4 ? rows[i] : (r * 7 + static_cast<int64_t>(i)) % (rows[i] + 1);
      all[i].commit(StatePart::kTrunk, keep);
      for (int64_t t = 0; t < keep; ++t) want[i].push(tokens[first + static_cast<size_t>(t)]);
      first += static_cast<size_t>(rows[i]);
    }
  }
  for (size_t i = 0; i < 3; ++i) toy.expect(all[i], want[i]);
  bindings.begin();
  EXPECT_DEATH((void)bindings.add(all[0], 1, 1, false), "without a sequence");
}

}  // namespace
}  // namespace gannet
