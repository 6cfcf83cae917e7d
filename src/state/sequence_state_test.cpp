#include "state/sequence_state.h"

#include "state/toy_model_for_test.h"

namespace gannet {
namespace {

struct SequenceStateTest : testing::Test {
  static StatePoolOptions options() {
    StatePoolOptions o;
    o.fold_at = 4;
    o.max_tokens = 1000;
    return o;
  }
  std::shared_ptr<StatePool> pool = std::make_shared<StatePool>(ToyModel::layout(), options());
  ToyKernels toy{pool};
  static constexpr StatePart kTrunk = StatePart::kTrunk, kMtp = StatePart::kMtp;

  // `n` tokens that are kept, with values that begin at `first`.
  void read(SequenceState& s, ToyReference& want, int64_t n, int64_t first, StatePart part = kTrunk) {
    std::vector<int64_t> tokens, results;
    for (int64_t i = 0; i < n; ++i) {
      tokens.push_back(first + i);
      results.push_back(part == kTrunk ? want.push(tokens.back()) : want.push_mtp(tokens.back()));
    }
    ASSERT_EQ(toy.step(s, tokens, n, true, part), results);
  }
  StateCounters counters() const { return pool->counters(); }
};

TEST_F(SequenceStateTest, GrowsOverPages) {
  SequenceState s(pool);
  ToyReference want;
  for (int i = 0; i < 200; ++i) read(s, want, 1, i);
  EXPECT_EQ(s.length(), 200);
  EXPECT_EQ(counters().pages, 4);
  toy.expect(s, want);
}

TEST_F(SequenceStateTest, ForksAreIndependent) {
  SequenceState a(pool);
  ToyReference want_a;
  read(a, want_a, 70, 1);
  SequenceState b = a.fork();
  ToyReference want_b = want_a;
  read(a, want_a, 1, 2);
  read(b, want_b, 1, 5);
  read(b, want_b, 1, 5);
  toy.expect(a, want_a);
  toy.expect(b, want_b);
  EXPECT_EQ(counters().slots, 2);
}

TEST_F(SequenceStateTest, RollbackRestoresAllStateAndCopiesNothing) {
  SequenceState s(pool);
  ToyReference want;
  read(s, want, 63, 1);
  read(s, want, 30, 1, kMtp);
  const StateSnapshot mark = s.snapshot();
  const ToyReference at_mark = want;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 80; ++j) read(s, want, 1, i * 100 + j);
    read(s, want, 70, i, kMtp);
    toy.expect(s, want);
    s.rollback(mark);
    EXPECT_EQ(s.length(), 63);
    EXPECT_EQ(s.length(kMtp), 30);
    want = at_mark;
    toy.expect(s, want);
  }
  EXPECT_EQ(counters().page_copies, 0) << "nobody else appends";
}

TEST_F(SequenceStateTest, SnapshotAndTheStepsBehindItCopyNothing) {
  SequenceState s(pool);
  ToyReference want;
  read(s, want, 100, 1);
  const auto before = counters();
  std::vector<StateSnapshot> marks;
  for (int i = 0; i < 50; ++i) {
    marks.push_back(s.snapshot());
    const SequenceState f = s.fork();
    read(s, want, 1, i);
  }
  EXPECT_EQ(counters().pages, before.pages + 1);
  EXPECT_EQ(counters().bytes_copied, 0);
  SequenceState old(pool);
  old.rollback(marks[3]);
  ToyReference want_old;
  for (int64_t i = 0; i < 100; ++i) want_old.push(1 + i);
  for (int64_t i = 0; i < 3; ++i) want_old.push(i);
  toy.expect(old, want_old);
  toy.expect(s, want);
}

TEST_F(SequenceStateTest, ForkThatAppendsCopiesItsRowsOnce) {
  SequenceState a(pool);
  ToyReference want_a;
  read(a, want_a, 70, 1);
  read(a, want_a, 66, 1, kMtp);
  SequenceState b = a.fork();
  ToyReference want_b = want_a;
  read(a, want_a, 3, 100);
  EXPECT_EQ(counters().page_copies, 0) << "the first goes on in place";
  read(b, want_b, 3, 200);
  EXPECT_EQ(counters().page_copies, 1);
  // 6 rows of the trunk and 2 of the MTP block, 4 floats per head.
  EXPECT_EQ(counters().bytes_copied, (6 * 2 + 2 * 1) * 2 * 4 * 4);
  for (int i = 0; i < 100; ++i) {
    read(a, want_a, 1, i);
    read(b, want_b, 1, i * 2);
  }
  read(b, want_b, 1, 7, kMtp);
  EXPECT_EQ(counters().page_copies, 1);
  toy.expect(a, want_a);
  toy.expect(b, want_b);
}

TEST_F(SequenceStateTest, RowsNobodyReliesOnAreNotCopied) {
  std::optional<SequenceState> a(std::in_place, pool);
  ToyReference want;
  read(*a, want, 70, 1);
  SequenceState b = a->fork();
  ToyReference want_a = want;
  read(*a, want_a, 10, 50);
  a.reset();
  read(b, want, 10, 80);  // alone now
  EXPECT_EQ(counters().page_copies, 0);

  std::optional<SequenceState> c = b.fork();
  const StateSnapshot mark = b.snapshot();
  const ToyReference at_mark = want;
  ToyReference want_c = want;
  b.clear();  // who wrote the page is gone, and the snapshot relies on no row behind its end
  read(*c, want_c, 10, 90);
  EXPECT_EQ(counters().page_copies, 0);
  toy.expect(*c, want_c);
  b.rollback(mark);
  want = at_mark;
  toy.expect(b, want);
  read(b, want, 1, 5);  // but now there is a writer
  EXPECT_EQ(counters().page_copies, 1);
  toy.expect(b, want);
  toy.expect(*c, want_c);
}

TEST_F(SequenceStateTest, MemoryIsGivenBack) {
  {
    SequenceState s(pool);
    ToyReference want;
    read(s, want, 100, 1);
    const StateSnapshot mark = s.snapshot();
    read(s, want, 100, 1);
    s.clear();
    EXPECT_EQ(counters().pages, 2);  // the snapshot's
    toy.expect(s, {});
  }
  EXPECT_EQ(counters().bytes_in_use, 0);
}

TEST_F(SequenceStateTest, UncommittedRunChangesNothing) {
  SequenceState s(pool);
  ToyReference want;
  read(s, want, 10, 1);
  toy.step(s, std::vector<int64_t>(100, 3), 0);
  toy.expect(s, want);
  toy.step(s, std::vector<int64_t>(5, 3), 0, true);
  toy.expect(s, want);
  EXPECT_EQ(counters().slots, 1);
}

TEST_F(SequenceStateTest, CommitIsOfWhatWasPreparedAndRan) {
  SequenceState s(pool);
  StepSegments segments;
  ASSERT_TRUE(s.prepare(kTrunk, 4, true, segments).ok());
  EXPECT_DEATH(s.commit(kTrunk, 4), "did not run");
  EXPECT_DEATH(s.ran(kMtp), "not prepared");
  s.ran(kTrunk);
  EXPECT_DEATH(s.ran(kTrunk), "not prepared");
  EXPECT_DEATH(s.commit(kTrunk, 3), "fewer tokens");
  EXPECT_DEATH(s.commit(kTrunk, 5), "more tokens");
  EXPECT_DEATH(s.commit(kMtp, 1), "more tokens");
  s.commit(kTrunk, 4);
  EXPECT_EQ(s.length(), 4);
  EXPECT_DEATH(s.commit(kTrunk, 4), "more tokens") << "a run is committed once";
  ASSERT_TRUE(s.prepare(kTrunk, 4, true, segments).ok());
  s.ran(kTrunk);
  s.clear();
  EXPECT_DEATH(s.commit(kTrunk, 4), "more tokens") << "the run was of the past that is gone";
}

TEST_F(SequenceStateTest, KeysAndValuesGoBackAsFarAsOneLikes) {
  const auto kv_pool = std::make_shared<StatePool>(ToyModel::layout(false), options());
  ToyKernels kernels(kv_pool);
  SequenceState s(kv_pool);
  ToyReference want;
  want.recurrent = false;
  std::vector<int64_t> tokens;
  for (int64_t i = 0; i < 300; ++i) tokens.push_back(i);
  kernels.step(s, tokens, 200);
  for (int64_t i = 0; i < 200; ++i) want.push(i);
  kernels.expect(s, want);
  EXPECT_EQ(s.earliest(), 0);
  ASSERT_TRUE(s.truncate(kTrunk, 30));
  want.kv.resize(30);
  EXPECT_EQ(kv_pool->counters().pages, 1);
  kernels.expect(s, want);
  kernels.step(s, {7, 8}, 2);
  want.push(7);
  want.push(8);
  kernels.expect(s, want);
  EXPECT_EQ(kv_pool->counters().bytes_copied, 0);
}

// The rows behind the cut are another's past.
TEST_F(SequenceStateTest, CutSequencesDoNotOverwriteWhatASnapshotReliesOn) {
  SequenceState s(pool);
  ToyReference want;
  read(s, want, 10, 1);
  read(s, want, 100, 1, kMtp);
  const StateSnapshot mark = s.snapshot();
  const ToyReference at_mark = want;
  ASSERT_TRUE(s.truncate(kMtp, 20));
  want.mtp_kv.resize(20);
  EXPECT_EQ(counters().bytes_copied, 0);
  read(s, want, 100, 300, kMtp);
  EXPECT_EQ(counters().page_copies, 1) << "20 rows of the first page; the second is new";
  toy.expect(s, want);
  s.rollback(mark);
  toy.expect(s, at_mark);
}

TEST_F(SequenceStateTest, TrunkAndMtpBlockGoTheirOwnWays) {
  SequenceState s(pool);
  ToyReference want;
  read(s, want, 150, 1);
  read(s, want, 149, 2, kMtp);
  EXPECT_EQ(counters().pages, 3) << "both live in the same pages";
  toy.expect(s, want);
  for (int64_t i = 0; i < 100; ++i) {
    // A round: drafts of the MTP block, the check by the trunk, and both are cut to what holds.
    const int64_t n = s.length(), drafts = 1 + i % 5, good = i % (drafts + 1);
    std::vector<int64_t> tokens;
    for (int64_t d = 0; d < drafts; ++d) tokens.push_back(n + d);
    for (const int64_t t : tokens) toy.step(s, {t}, 1, false, kMtp);
    tokens.push_back(n + drafts);
    toy.step(s, tokens, good + 1);
    for (int64_t d = 0; d < good + 1; ++d) want.push(n + d);
    for (int64_t d = 0; d < good; ++d) want.push_mtp(n + d);
    ASSERT_TRUE(s.truncate(kMtp, s.length(kMtp) - (drafts - good)));
    ASSERT_EQ(s.length(kMtp), static_cast<int64_t>(want.mtp_kv.size()));
    toy.expect(s, want);
    if (HasFailure()) return;
  }
  EXPECT_EQ(counters().bytes_copied, 0);
  EXPECT_EQ(counters().slots, 1);
}

// Both parts may have a step in progress; the addresses of the first stay good.
TEST_F(SequenceStateTest, PartsMayBePreparedTogether) {
  SequenceState first(pool);
  ToyReference want;
  read(first, want, 60, 1);
  SequenceState s = first.fork();
  const std::vector<int64_t> tokens(3, 4), others(700, 9);
  toy.bindings(kTrunk).begin();
  ASSERT_TRUE(toy.bindings(kTrunk).add(s, 0, 3, true).ok());
  toy.bindings(kMtp).begin();
  ASSERT_TRUE(toy.bindings(kMtp).add(s, 0, 700, true).ok());
  toy.run(kTrunk, tokens);
  toy.run(kMtp, others);
  s.commit(kTrunk, 3);
  s.commit(kMtp, 700);
  for (const int64_t t : tokens) want.push(t);
  for (const int64_t t : others) want.push_mtp(t);
  toy.expect(s, want);
  EXPECT_EQ(counters().page_copies, 1);
}

// One part is cut and has to copy a page in which the other one has rows that are not committed yet.
TEST_F(SequenceStateTest, CutsAndCopiesLeaveTheOtherPartsStepAlone) {
  for (const bool ran_before : {false, true}) {
    SequenceState s(pool);
    ToyReference want;
    read(s, want, 60, 1);
    read(s, want, 30, 1, kMtp);
    const StateSnapshot mark = s.snapshot();
    const std::vector<int64_t> tokens(10, 4), others(5, 9);
    toy.bindings(kTrunk).begin();
    ASSERT_TRUE(toy.bindings(kTrunk).add(s, 0, 10, true).ok());
    if (ran_before) toy.run(kTrunk, tokens);
    ASSERT_TRUE(s.truncate(kMtp, 20));
    toy.bindings(kMtp).begin();
    const auto copies = counters().page_copies;
    ASSERT_TRUE(toy.bindings(kMtp).add(s, 0, 5, true).ok());
    EXPECT_EQ(counters().page_copies, copies + 1);
    if (!ran_before) toy.run(kTrunk, tokens);
    toy.run(kMtp, others);
    s.commit(kTrunk, 10);
    s.commit(kMtp, 5);
    want.mtp_kv.resize(20);
    for (const int64_t t : tokens) want.push(t);
    for (const int64_t t : others) want.push_mtp(t);
    toy.expect(s, want);
  }
}

// Who was alone with a page once owes nothing to those that were there before.
TEST_F(SequenceStateTest, RowsOfSnapshotsThatAreGoneCountForNothing) {
  SequenceState s(pool);
  ToyReference want;
  read(s, want, 40, 1, kMtp);
  { const StateSnapshot mark = s.snapshot(); }
  ASSERT_TRUE(s.truncate(kMtp, 10));
  want.mtp_kv.resize(10);
  read(s, want, 2, 70, kMtp);
  const StateSnapshot mark = s.snapshot();
  read(s, want, 2, 80, kMtp);
  toy.expect(s, want);
  EXPECT_EQ(counters().page_copies, 0);
}

// Pages behind the end are left by a run that was not committed. They hold nothing, and a fork does not get
// them.
TEST_F(SequenceStateTest, ForksShareNoPageBehindTheEnd) {
  for (const int64_t length : {10, 64}) {  // within a page and at its end
    SequenceState a(pool);
    ToyReference want_a;
    read(a, want_a, length, 1);
    StepSegments segments;
    ASSERT_TRUE(a.prepare(kTrunk, 200, true, segments).ok());
    SequenceState b = a.fork(), c = a.fork();
    ToyReference want_b = want_a, want_c = want_a;
    read(a, want_a, 100, 2);
    read(b, want_b, 150, 3);
    read(c, want_c, 190, 5);
    toy.expect(a, want_a);
    toy.expect(b, want_b);
    toy.expect(c, want_c);
    // The last one reuses what it has.
    ASSERT_TRUE(c.prepare(kTrunk, 100, true, segments).ok());
    const auto prepared = counters().pages;
    read(c, want_c, 100, 7);
    EXPECT_EQ(counters().pages, prepared);
    toy.expect(c, want_c);
  }
  EXPECT_EQ(counters().pages, 0);

  SequenceState s(pool);
  StepSegments segments;
  ASSERT_TRUE(s.prepare(kTrunk, 200, true, segments).ok());
  const StateSnapshot mark = s.snapshot();
  s.clear();
  EXPECT_EQ(counters().pages, 0);
}

TEST_F(SequenceStateTest, EmptySequencesShareTheirZeroState) {
  SequenceState a(pool), b(pool);
  ToyReference want_a, want_b;
  const auto open = [&](SequenceState& s, ToyReference& want, int64_t token) {
    ASSERT_EQ(toy.step(s, {token}, 1), std::vector<int64_t>{want.push(token)});
  };
  for (int64_t i = 0; i < 4; ++i) {
    open(a, want_a, i);
    open(b, want_b, i + 10);
  }
  EXPECT_EQ(counters().slots, 1);
  open(a, want_a, 9);  // stores its base
  EXPECT_EQ(counters().slots, 2);
  open(b, want_b, 9);  // is alone, and does so in place
  EXPECT_EQ(counters().slots, 2);
  SequenceState c(pool);
  ToyReference want_c;
  open(c, want_c, 3);
  EXPECT_EQ(counters().slots, 3);
  toy.expect(a, want_a);
  toy.expect(b, want_b);
  toy.expect(c, want_c);
}

TEST_F(SequenceStateTest, FullContextIsAnErrorWithBothNumbers) {
  SequenceState s(pool);
  ToyReference want;
  read(s, want, 990, 1);
  StepSegments segments;
  auto r = s.prepare(kTrunk, 11, true, segments);
  ASSERT_FALSE(r.ok());
  EXPECT_NE(r.error().message().find("990"), std::string::npos);
  EXPECT_NE(r.error().message().find("1000"), std::string::npos);
  EXPECT_TRUE(s.prepare(kTrunk, 10, true, segments).ok());
}

TEST(StateLayout, TypesAreOfEachLayerAndPlacesDoNotOverlap) {
  StateLayout l = ToyModel::layout();
  l.kv[0].k_type = DType::kF16;
  l.kv[1].head_dim = 32;
  l.kv[1].v_type = DType::kQ8_0;
  EXPECT_EQ(l.kv_bytes_per_token(), 2 * 4 * (2 + 4) + 32 * 4 + 34);
  EXPECT_EQ(l.recurrent_bytes(), (6 + 4) * 4);
  EXPECT_EQ(l.entry_bytes(), 128);
  const StatePlaces places(l, 10);
  EXPECT_EQ(places.kv[0].v, 64 * 2 * 4 * 2);
  EXPECT_EQ(places.kv[1].k, places.kv[0].v + 64 * 2 * 4 * 4);
  EXPECT_EQ(places.page_bytes, 64 * l.kv_bytes_per_token());
  EXPECT_EQ(places.recurrent[1].base, 64);
  EXPECT_EQ(places.slot_bytes, 128);
  EXPECT_EQ(places.recurrent[1].ring, 640);
  EXPECT_EQ(places.ring_bytes, 1280);
}

TEST(StepBindings, ViewsAreOfOnePart) {
  StateLayout l = ToyModel::layout();
  l.kv[1].v_type = DType::kF16;
  const auto pool = std::make_shared<StatePool>(l, StatePoolOptions{.max_tokens = 10});
  StepBindings trunk(pool, StatePart::kTrunk), mtp(pool, StatePart::kMtp);
  EXPECT_EQ(trunk.find("kv.1"), nullptr);
  EXPECT_EQ(mtp.find("kv.0"), nullptr);
  EXPECT_EQ(mtp.find("conv.0"), nullptr);
  ASSERT_NE(trunk.find("delta.0"), nullptr);
  const auto& kv = *static_cast<KvView*>(mtp.find("kv.1"));
  EXPECT_EQ(kv.step, &mtp.view());
  EXPECT_EQ(kv.v_type, DType::kF16);
  EXPECT_EQ(kv.k_offset, pool->places().kv[1].k);
}

}  // namespace
}  // namespace gannet
