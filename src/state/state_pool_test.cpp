#include "state/state_pool.h"

#include <atomic>
#include <map>
#include <thread>

#include "state/toy_model_for_test.h"

namespace gannet {
namespace {

// Counts what is allocated, and refuses from a number of bytes on.
class CountingMemory : public StateMemory {
 public:
  std::byte* allocate(int64_t bytes) override {
    if (in_use + bytes > most) return nullptr;
    std::byte* at = host_->allocate(bytes);
    in_use += bytes;
    sizes_[at] = bytes;
    return at;
  }
  void release(std::byte* at) override {
    in_use -= sizes_.at(at);
    sizes_.erase(at);
    host_->release(at);
  }
  void zero(std::byte* at, int64_t bytes) override { host_->zero(at, bytes); }
  void read(const std::byte* from, std::span<std::byte> to) override { host_->read(from, to); }
  void write(std::byte* to, std::span<const std::byte> from) override { host_->write(to, from); }
  void copy(std::byte* to, const std::byte* from, int64_t width, int64_t pitch, int64_t n) override {
    host_->copy(to, from, width, pitch, n);
  }

  int64_t in_use = 0, most = int64_t{1} << 40;

 private:
  std::shared_ptr<StateMemory> host_ = host_state_memory();
  std::map<std::byte*, int64_t> sizes_;
};

std::shared_ptr<StatePool> make_pool(StatePoolOptions o = {}) {
  o.max_tokens = 100000;
  return std::make_shared<StatePool>(ToyModel::layout(), o);
}

// A sequence of `n` tokens `first`, `first + 1`, ...
SequenceState made(ToyKernels& toy, const std::shared_ptr<StatePool>& pool, int64_t n, int64_t first,
                   ToyReference* want = nullptr) {
  SequenceState s(pool);
  std::vector<int64_t> tokens;
  for (int64_t i = 0; i < n; ++i) {
    tokens.push_back(first + i);
    if (want != nullptr) want->push(tokens.back());
  }
  toy.step(s, tokens, n, true);
  return s;
}

TEST(StatePool, CountsWhatIsInUse) {
  const auto pool = make_pool();
  ToyKernels toy(pool);
  SequenceState s = made(toy, pool, 65, 1);
  toy.step(s, {1, 2}, 1);
  const StateCounters c = pool->counters();
  const StatePlaces& p = pool->places();
  EXPECT_EQ(c.pages, 2);
  EXPECT_EQ(c.slots, 1);
  EXPECT_EQ(c.rings, 1);
  EXPECT_EQ(c.bytes_in_use, 2 * p.page_bytes + p.slot_bytes + p.ring_bytes);
  EXPECT_GE(c.bytes_reserved, c.bytes_in_use);
}

TEST(StatePool, LimitIsAnErrorThatNamesItAndLeavesSequencesAlone) {
  StatePoolOptions o;
  const StatePlaces places(ToyModel::layout(), 0);
  o.most_bytes = 4 * places.page_bytes + 2 * places.slot_bytes;
  const auto pool = make_pool(o);
  ToyKernels toy(pool);
  ToyReference want;
  SequenceState s = made(toy, pool, 200, 1, &want);  // 4 pages
  StepSegments segments;
  const auto r = s.prepare(StatePart::kTrunk, 100, true, segments);
  ASSERT_FALSE(r.ok());
  EXPECT_EQ(r.error().code(), ErrorCode::kOutOfMemory);
  for (const char* part : {"MiB that states may take", "raise that limit", "--ctx-size"})
    EXPECT_NE(r.error().message().find(part), std::string::npos) << r.error().message();
  SequenceState other(pool);
  EXPECT_FALSE(other.prepare(StatePart::kTrunk, 1, true, segments).ok());
  toy.expect(s, want);
  EXPECT_LE(pool->counters().bytes_in_use, o.most_bytes);
  s.clear();
  ASSERT_TRUE(other.prepare(StatePart::kTrunk, 1, true, segments).ok());
}

TEST(StatePool, MemoryThatIsShortIsAnError) {
  StatePoolOptions o;
  const auto memory = std::make_shared<CountingMemory>();
  o.memories[0] = memory;
  const auto pool = make_pool(o);
  memory->most = 0;
  SequenceState s(pool);
  StepSegments segments;
  auto r = s.prepare(StatePart::kTrunk, 100, true, segments);
  ASSERT_FALSE(r.ok());
  EXPECT_EQ(r.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_NE(r.error().message().find("--ctx-size"), std::string::npos) << r.error().message();
  memory->most = int64_t{1} << 40;
  EXPECT_TRUE(s.prepare(StatePart::kTrunk, 100, true, segments).ok());
}

// The memory of pages is not lost for slots.
TEST(StatePool, IdleSlabsGoBackWhenMemoryIsShort) {
  StatePoolOptions o;
  const auto memory = std::make_shared<CountingMemory>();
  o.memories[0] = memory;
  {
    const auto pool = make_pool(o);
    ToyKernels toy(pool);
    SequenceState s(pool);
    StepSegments segments;
    ASSERT_TRUE(s.prepare(StatePart::kTrunk, 60000, true, segments).ok());
    const int64_t reserved = pool->counters().bytes_reserved;
    EXPECT_EQ(memory->in_use, reserved);
    memory->most = reserved;
    s.clear();
    EXPECT_EQ(memory->in_use, reserved);
    const SequenceState open = made(toy, pool, 10, 1);
    SequenceState another(pool);
    toy.step(another, {1}, 1);  // a ring
    EXPECT_EQ(pool->counters().rings, 1);
    EXPECT_LE(memory->in_use, reserved);
  }
  EXPECT_EQ(memory->in_use, 0);
}

struct KeptTest : testing::Test {
  // Room for `n` pages besides six slots.
  void start(int64_t n) {
    StatePoolOptions o;
    const StatePlaces places(ToyModel::layout(), 0);
    o.most_bytes = n * places.page_bytes + 6 * places.slot_bytes;
    pool = make_pool(o);
    toy.emplace(pool);
  }
  StatePool::KeptId keep(int64_t n, int64_t first, const char* note) {
    return pool->keep(made(*toy, pool, n, first).snapshot(), note);
  }
  std::shared_ptr<StatePool> pool;
  std::optional<ToyKernels> toy;
};

TEST_F(KeptTest, SnapshotsGoInTheOrderThatIsExplained) {
  start(10);
  const auto old = keep(64, 1, "old"), middle = keep(64, 2, "middle"), used = keep(64, 3, "used");
  const auto large = keep(6 * 64, 4, "large");
  EXPECT_TRUE(pool->find(used).has_value());
  // Per token all cost about the same, so the longest unused goes first; the slot weighs less in a large one.
  const std::string text = pool->explain();
  const size_t at_old = text.find("old"), at_middle = text.find("middle"), at_large = text.find("large"),
               at_used = text.find("used:");
  EXPECT_LT(at_old, at_middle) << text;
  EXPECT_LT(at_middle, at_large) << text;
  EXPECT_LT(at_large, at_used) << text;
  EXPECT_NE(text.find("old: 6.1 KiB of its own, 64 tokens to read again, 4 uses of others since: "),
            std::string::npos)
      << text;

  SequenceState s = made(*toy, pool, 128, 5);  // 11 pages with the 9 kept
  EXPECT_FALSE(pool->find(old).has_value());
  EXPECT_EQ(pool->counters().given_up, 1);
  EXPECT_EQ(pool->counters().bytes_given_up, pool->places().page_bytes + pool->places().slot_bytes);
  EXPECT_TRUE(pool->find(middle).has_value());
  EXPECT_TRUE(pool->find(large).has_value());
  pool->forget(large);
  EXPECT_FALSE(pool->find(large).has_value());
  EXPECT_EQ(pool->counters().pages, 4);
}

TEST_F(KeptTest, KeptSnapshotsAreWhatTheyWere) {
  start(20);
  ToyReference want;
  SequenceState s = made(*toy, pool, 100, 1, &want);
  toy->step(s, {5, 6, 7}, 2);
  want.push(5);
  want.push(6);
  const auto id = pool->keep(s.snapshot(), "a");
  s.clear();
  for (int i = 0; i < 5; ++i) made(*toy, pool, 100, i);
  s.rollback(*pool->find(id));
  toy->expect(s, want);
}

// What somebody holds is not freed by giving it up, and a sequence goes on from it.
TEST_F(KeptTest, HeldSnapshotsStay) {
  start(3);
  const auto id = keep(128, 1, "held");
  auto held = pool->find(id);
  ASSERT_TRUE(held.has_value());
  EXPECT_NE(pool->explain().find("held elsewhere, stays"), std::string::npos) << pool->explain();
  SequenceState s(pool);
  StepSegments segments;
  EXPECT_FALSE(s.prepare(StatePart::kTrunk, 100, true, segments).ok());
  EXPECT_EQ(pool->counters().given_up, 0);
  held.reset();
  EXPECT_TRUE(s.prepare(StatePart::kTrunk, 100, true, segments).ok());
  EXPECT_FALSE(pool->find(id).has_value());
}

// A snapshot that shares its pages with a sequence has little of its own to give.
TEST_F(KeptTest, SharedPagesDoNotCount) {
  start(20);
  SequenceState s = made(*toy, pool, 500, 1);
  pool->keep(s.snapshot(), "shared");
  keep(30, 1, "own");
  const std::string text = pool->explain();
  EXPECT_LT(text.find("own"), text.find("shared")) << text;
  EXPECT_NE(text.find("shared: 0.0 KiB"), std::string::npos) << text;
}

// Threads with sequences that began as one, and that keep, look for, and lose snapshots; the pool is short
// of memory all the time.
TEST(StatePool, SequencesOfManyThreadsShareIt) {
  StatePoolOptions o;
  const StatePlaces places(ToyModel::layout(), 0);
  o.most_bytes = 60 * places.page_bytes + 100 * places.slot_bytes;
  const auto pool = make_pool(o);
  ToyKernels toy(pool);
  ToyReference start;
  SequenceState first = made(toy, pool, 70, 1, &start);  // for thread 0
  const StateSnapshot common = first.snapshot();
  std::atomic<int64_t> found = 0;
  const auto work = [&](int64_t thread) {
    ToyKernels kernels(pool);
    // One of them writes the page that the others copy.
    SequenceState s = thread == 0 ? std::move(first) : SequenceState(pool);
    for (int64_t round = 0; round < 30; ++round) {
      s.rollback(common);
      ToyReference want = start;
      std::optional<StatePool::KeptId> kept;
      ToyReference at_kept;
      for (int64_t i = 0; i < 40; ++i) {
        const int64_t token = thread * 1000 + round * 50 + i;
        kernels.step(s, {token, 5, 6}, 1 + i % 2);
        want.push(token);
        if (i % 2 == 1) want.push(5);
        if (i == 20) {
          kept = pool->keep(s.snapshot(), "thread");
          at_kept = want;
        }
      }
      kernels.expect(s, want);
      const auto again = pool->find(*kept);
      if (again.has_value()) {
        ++found;
        s.rollback(*again);
        kernels.expect(s, at_kept);
        if (round % 2 == 0) pool->forget(*kept);
      }
      pool->explain();
      if (testing::Test::HasFailure()) return;
    }
  };
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t) threads.emplace_back(work, t);
  for (std::thread& t : threads) t.join();
  SequenceState last(pool);
  last.rollback(common);
  toy.expect(last, start);
  EXPECT_GT(found, 0);
  EXPECT_LE(pool->counters().bytes_in_use, o.most_bytes);
}

}  // namespace
}  // namespace gannet
