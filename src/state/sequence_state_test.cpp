#include "state/sequence_state.h"

#include <gtest/gtest.h>

namespace gannet {
namespace {

// A model of one KV layer (1 head of 8) and one recurrent state of 16 values. step() plays a kernel: it
// appends the token value to K and V and adds it to every recurrent element.
struct SequenceStateTest : testing::Test {
  StateLayout layout = [] {
    StateLayout l;
    l.kv = {{"kv.0", 1, 8}};
    l.recurrent = {{"delta.0", Shape(16)}};
    l.k_type = l.v_type = DType::kF32;
    return l;
  }();
  std::shared_ptr<StatePool> pool = std::make_shared<StatePool>(layout, 1000);
  StateBindings bindings{layout};
  KvView& kv = *static_cast<KvView*>(bindings.find("kv.0"));
  RecurrentView& delta = *static_cast<RecurrentView*>(bindings.find("delta.0"));

  float* k_row(int64_t t) {
    return reinterpret_cast<float*>(kv.pages[t / kPageTokens] + kv.k_offset) + t % kPageTokens * 8;
  }
  float* v_row(int64_t t) {
    return reinterpret_cast<float*>(kv.pages[t / kPageTokens] + kv.v_offset) + t % kPageTokens * 8;
  }
  void step(SequenceState& s, float value, int64_t n = 1) {
    ASSERT_TRUE(s.prepare(n, bindings).ok());
    for (int64_t i = 0; i < n; ++i) k_row(kv.n_past + i)[0] = v_row(kv.n_past + i)[7] = value;
    for (int i = 0; i < 16; ++i) delta.write[i] = delta.read[i] + value * static_cast<float>(n);
    s.commit(n);
  }
  // Sums of the stored K and V values and of the recurrent state; equal by construction when nothing was
  // mixed up.
  void expect(SequenceState& s, float sum) {
    ASSERT_TRUE(s.prepare(0, bindings).ok());
    float k = 0, v = 0;
    for (int64_t t = 0; t < s.length(); ++t) {
      k += k_row(t)[0];
      v += v_row(t)[7];
    }
    EXPECT_EQ(k, sum);
    EXPECT_EQ(v, sum);
    EXPECT_EQ(delta.read[7], sum);
  }
};

TEST_F(SequenceStateTest, GrowsOverPages) {
  SequenceState s(pool);
  for (int i = 0; i < 200; ++i) step(s, 1);
  EXPECT_EQ(s.length(), 200);
  EXPECT_EQ(pool->pages_in_use(), 4);
  expect(s, 200);
}

TEST_F(SequenceStateTest, ForksAreIndependent) {
  SequenceState a(pool);
  step(a, 1, 70);
  SequenceState b = a.fork();
  step(a, 2);
  step(b, 5);
  step(b, 5);
  expect(a, 72);
  expect(b, 80);
  EXPECT_EQ(pool->slots_in_use(), 2);
}

TEST_F(SequenceStateTest, RollbackRestoresBothKindsOfState) {
  SequenceState s(pool);
  step(s, 1, 63);
  const StateSnapshot mark = s.snapshot();
  for (int i = 0; i < 80; ++i) step(s, 3);
  expect(s, 63 + 240);
  s.rollback(mark);
  EXPECT_EQ(s.length(), 63);
  expect(s, 63);
  step(s, 7);
  expect(s, 70);
  s.rollback(mark);
  expect(s, 63);
}

TEST_F(SequenceStateTest, SnapshotCopiesNothing) {
  SequenceState s(pool);
  step(s, 1, 64);
  const auto pages = pool->pages_in_use(), slots = pool->slots_in_use();
  const StateSnapshot mark = s.snapshot();
  const SequenceState f = s.fork();
  EXPECT_EQ(pool->pages_in_use(), pages);
  EXPECT_EQ(pool->slots_in_use(), slots);
}

TEST_F(SequenceStateTest, MemoryIsGivenBack) {
  {
    SequenceState s(pool);
    step(s, 1, 100);
    const StateSnapshot mark = s.snapshot();
    step(s, 1, 100);
    s.clear();
    EXPECT_EQ(pool->pages_in_use(), 2);  // the snapshot's
    expect(s, 0);
  }
  EXPECT_EQ(pool->pages_in_use(), 0);
  EXPECT_EQ(pool->slots_in_use(), 0);
}

TEST_F(SequenceStateTest, UncommittedRunChangesNothing) {
  SequenceState s(pool);
  step(s, 1, 10);
  const StateSnapshot mark = s.snapshot();
  ASSERT_TRUE(s.prepare(100, bindings).ok());
  delta.write[7] = 1e9f;
  expect(s, 10);
}

// Recurrent state knows no way back from behind the last token of a run.
TEST_F(SequenceStateTest, CommitIsOfWhatWasPrepared) {
  SequenceState s(pool);
  ASSERT_TRUE(s.prepare(4, bindings).ok());
  EXPECT_DEATH(s.commit(3), "fewer tokens");
  EXPECT_DEATH(s.commit(5), "more tokens");
  s.commit(4);
  EXPECT_EQ(s.length(), 4);
  EXPECT_DEATH(s.commit(4), "more tokens") << "a run is committed once";
  ASSERT_TRUE(s.prepare(4, bindings).ok());
  s.clear();
  EXPECT_DEATH(s.commit(4), "more tokens") << "the run was of the past that is gone";
}

// Nothing ran, so nothing was written where the next state would have been.
TEST_F(SequenceStateTest, CommitOfNoTokensKeepsTheState) {
  SequenceState s(pool);
  step(s, 1, 10);
  const StateSnapshot mark = s.snapshot();
  step(s, 2);
  s.rollback(mark);
  ASSERT_TRUE(s.prepare(0, bindings).ok());
  s.commit(0);
  expect(s, 10);
}

TEST_F(SequenceStateTest, RowsOfKeysAndValuesMayBeKeptInPart) {
  layout.recurrent.clear();
  const auto kv_pool = std::make_shared<StatePool>(layout, 1000);
  StateBindings kv_bindings(layout);
  const KvView& view = *static_cast<KvView*>(kv_bindings.find("kv.0"));
  SequenceState s(kv_pool);
  ASSERT_TRUE(s.prepare(4, kv_bindings).ok());
  s.commit(3);
  EXPECT_EQ(s.length(), 3);
  ASSERT_TRUE(s.prepare(2, kv_bindings).ok());
  EXPECT_EQ(view.n_past, 3);
  EXPECT_DEATH(s.commit(3), "more tokens");
}

TEST_F(SequenceStateTest, UncommittedRunHoldsNoSlotAfterRollbackOrClear) {
  SequenceState s(pool);
  step(s, 1, 10);
  const StateSnapshot mark = s.snapshot();
  ASSERT_TRUE(s.prepare(1, bindings).ok());
  EXPECT_EQ(pool->slots_in_use(), 2);
  s.rollback(mark);
  EXPECT_EQ(pool->slots_in_use(), 1);
  ASSERT_TRUE(s.prepare(1, bindings).ok());
  s.clear();
  EXPECT_EQ(pool->slots_in_use(), 1);  // the snapshot's
}

// Pages behind the end are left by a run that was not committed. They hold nothing, but a fork has the same
// ones, and both write there next.
TEST_F(SequenceStateTest, ForksShareNoPageBehindTheEnd) {
  for (const int64_t length : {10, 64}) {  // within a page and at its end
    SequenceState a(pool);
    step(a, 1, length);
    ASSERT_TRUE(a.prepare(200, bindings).ok());
    SequenceState b = a.fork(), c = a.fork();
    step(a, 2, 100);
    step(b, 3, 150);
    step(c, 5, 190);
    const auto before = static_cast<float>(length);
    expect(a, before + 200);
    expect(b, before + 450);
    expect(c, before + 950);
    // Alone again, the last one reuses what it has.
    const auto pages = pool->pages_in_use();
    ASSERT_TRUE(c.prepare(100, bindings).ok());
    const auto prepared = pool->pages_in_use();
    EXPECT_GT(prepared, pages);
    step(c, 7, 100);
    EXPECT_EQ(pool->pages_in_use(), prepared);
    expect(c, before + 950 + 700);
  }
  EXPECT_EQ(pool->pages_in_use(), 0);
}

TEST_F(SequenceStateTest, FullContextIsAnErrorWithBothNumbers) {
  SequenceState s(pool);
  step(s, 1, 990);
  auto r = s.prepare(11, bindings);
  ASSERT_FALSE(r.ok());
  EXPECT_NE(r.error().message().find("990"), std::string::npos);
  EXPECT_NE(r.error().message().find("1000"), std::string::npos);
  EXPECT_TRUE(s.prepare(10, bindings).ok());
}

}  // namespace
}  // namespace gannet
