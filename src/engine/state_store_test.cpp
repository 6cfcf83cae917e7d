#include "engine/state_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "engine/prefix_cache.h"
#include "engine/session.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;
namespace fs = std::filesystem;

struct StateStoreTest : testing::Test {
  static const std::shared_ptr<const Model>& model() {
    static const auto loaded = Model::load("models/pocket.gguf", {}, nullptr).take();
    return loaded;
  }
  std::string folder = testing::TempDir() + "state_store_test." + std::to_string(::getpid());
  ~StateStoreTest() override { fs::remove_all(folder); }

  // A process: a session, the store, and the cache on top of it.
  struct Process {
    std::unique_ptr<Session> session;
    std::unique_ptr<StateStore> store;
    std::unique_ptr<PrefixCache> cache;

    explicit Process(StateStoreOptions options) {
      SessionOptions o;
      o.n_ctx = 4096;
      o.n_threads = 1;
      o.exact = true;
      session = Session::create(model(), o).take();
      auto opened = StateStore::open(session->pool().shared_from_this(), std::move(options));
      EXPECT_TRUE(opened.ok()) << opened.error().message();
      store = opened.take();
      cache = std::make_unique<PrefixCache>(session->pool(), store.get());
    }
    void remember(const Ids& tokens) {
      SequenceState sequence = session->new_sequence();
      EXPECT_TRUE(session->prefill(sequence, tokens).ok());
      cache->remember(tokens, sequence.snapshot(), true);
    }
    Result<StateSnapshot> load(StateStore::Id id, StateSnapshot beginning = {}) const {
      std::promise<Result<StateSnapshot>> promise;
      store->load(id, std::move(beginning),
                  [&](Result<StateSnapshot> s) { promise.set_value(std::move(s)); });
      return promise.get_future().get();
    }
    // Tokens brought back for a text.
    size_t bring_back(const Ids& tokens) const {
      const auto hit = cache->find_stored(tokens, tokens.size(), 0);
      if (!hit) return 0;
      auto state = load(hit->id);
      EXPECT_TRUE(state.ok()) << state.error().message();
      if (!state.ok()) return 0;
      EXPECT_EQ(state->length(),
                std::ssize(tokens) < state->length() ? -1 : static_cast<int64_t>(hit->n_tokens));
      return hit->n_tokens;
    }
    // Logits of the next tokens, behind a stored state and behind a text that is read.
    std::vector<float> logits(SequenceState& sequence, TokenId token) const {
      auto rows = session->forward(sequence, std::vector<TokenId>{token}, LogitRows::kLast);
      const auto n = static_cast<size_t>(rows->logits.shape.last());
      return {rows->logits.f32(0), rows->logits.f32(0) + n};
    }
  };
  StateStoreOptions options(const std::string& fingerprint = "model", int64_t most = int64_t{1} << 30) const {
    StateStoreOptions o;
    o.folder = folder;
    o.fingerprint = fingerprint;
    o.most_bytes = most;
    o.least_tokens = 1;
    return o;
  }
  static Ids text(int seed, size_t n) {
    Ids ids(n);
    for (size_t i = 0; i < n; ++i)
      ids[i] = static_cast<TokenId>((static_cast<size_t>(seed) * 31 + i * 7) % 200);
    return ids;
  }
  static Ids join(Ids a, const Ids& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
  int64_t bytes_on_disk() const {
    int64_t bytes = 0;
    for (const auto& file : fs::recursive_directory_iterator(folder))
      if (file.is_regular_file()) bytes += static_cast<int64_t>(file.file_size());
    return bytes;
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> out;
    for (const auto& file : fs::recursive_directory_iterator(folder))
      if (file.path().extension() == ".state") out.push_back(file.path());
    return out;
  }
};

TEST_F(StateStoreTest, TheNextProcessGoesOn) {
  const Ids a = text(1, 150), ab = join(a, text(2, 77)), ac = join(a, text(3, 40));
  {
    Process first(options());
    first.remember(a);
    first.remember(ab);
    first.remember(ac);
    first.store->flush();
    EXPECT_EQ(first.store->counters().points, 3);
    EXPECT_EQ(first.store->counters().bytes + 0, bytes_on_disk());
  }
  Process next(options());
  EXPECT_EQ(next.cache->n_points(), 0u);
  EXPECT_EQ(next.cache->common(join(ab, {1})), ab.size());
  EXPECT_EQ(next.bring_back(join(ab, {1, 2})), ab.size());
  EXPECT_EQ(next.bring_back(join(ac, {1, 2})), ac.size());
  EXPECT_EQ(next.bring_back(join(a, {199, 2})), a.size());
  EXPECT_EQ(next.bring_back(Ids(a.begin() + 1, a.end())), 0u);
  // Behind what is in memory, and alone: the same as read anew.
  const StateSnapshot there = *next.load(next.cache->find_stored(a, a.size(), 0)->id);
  for (const StateSnapshot& beginning : {there, StateSnapshot()}) {
    auto state = next.load(next.cache->find_stored(ab, ab.size(), a.size())->id, beginning);
    ASSERT_TRUE(state.ok()) << state.error().message();
    SequenceState from_disk = next.session->new_sequence(), anew = next.session->new_sequence();
    from_disk.rollback(*state);
    ASSERT_TRUE(next.session->prefill(anew, ab).ok());
    for (const TokenId token : {3, 5, 7}) EXPECT_EQ(next.logits(from_disk, token), next.logits(anew, token));
  }
}

TEST_F(StateStoreTest, NothingOfAnotherModel) {
  {
    Process first(options("one"));
    first.remember(text(1, 50));
  }
  EXPECT_EQ(Process(options("another")).bring_back(text(1, 50)), 0u);
  EXPECT_EQ(Process(options("one")).bring_back(text(1, 50)), 50u);
}

TEST_F(StateStoreTest, OneProcessAtATime) {
  Process first(options());
  auto second = StateStore::open(first.session->pool().shared_from_this(), options());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kUsage);
  EXPECT_TRUE(StateStore::open(first.session->pool().shared_from_this(), options("another")).ok());
}

TEST_F(StateStoreTest, StaysWithinItsBytes) {
  int64_t one = 0;
  {
    Process first(options());
    first.remember(text(1, 100));
    first.store->flush();
    one = bytes_on_disk();
    fs::remove_all(folder);
  }
  const int64_t most = one * 5;
  {
    Process busy(options("model", most));
    Ids conversation = text(9, 100);
    for (int i = 0; i < 12; ++i) {
      busy.remember(conversation);
      busy.remember(text(20 + i, 100));
      busy.store->flush();
      EXPECT_LE(bytes_on_disk(), most);
      EXPECT_EQ(busy.store->counters().bytes, bytes_on_disk());
      conversation = join(conversation, text(i, 30));
    }
    EXPECT_GT(busy.store->counters().dropped, 5u);
    EXPECT_GT(busy.store->counters().points, 1);
    EXPECT_EQ(busy.bring_back(text(31, 100)), 100u);
  }
  {
    // Models that are not loaded make room.
    Process other(options("other", most));
    for (int i = 0; i < 4; ++i) other.remember(text(40 + i, 100));
    other.store->flush();
    EXPECT_EQ(other.store->counters().points, 4);
    EXPECT_LE(bytes_on_disk(), most);
  }
  EXPECT_EQ(Process(options("model", most)).store->counters().points, 0);
}

TEST_F(StateStoreTest, DamagedFilesAreGivenUp) {
  const Ids a = text(1, 150), ab = join(a, text(2, 77));
  {
    Process first(options());
    first.remember(a);
    first.store->flush();
    const auto before = files();
    ASSERT_EQ(before.size(), 1u);
    first.remember(ab);
    first.store->flush();
    // Within K and V of the first.
    std::fstream file(before[0], std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(2000);
    file.put('x');
    file.put('y');
  }
  std::ofstream(files()[0].parent_path() / "half.1234.partial") << "x";
  std::ofstream(files()[0].parent_path() / "0123456789abcdef.state") << "nothing";
  Process next(options());
  EXPECT_EQ(files().size(), 2u);
  const auto hit = next.cache->find_stored(ab, ab.size(), 0);
  ASSERT_TRUE(hit);
  EXPECT_FALSE(next.load(hit->id).ok());
  EXPECT_FALSE(next.cache->find_stored(ab, ab.size(), 0));
  EXPECT_EQ(files().size(), 0u);
  EXPECT_EQ(next.store->counters().bytes, 0);
  next.remember(ab);
  next.store->flush();
  EXPECT_EQ(next.bring_back(ab), ab.size());
}

TEST_F(StateStoreTest, WhatIsForgottenIsGone) {
  Process first(options());
  const Ids a = text(1, 50), ab = join(a, text(2, 50));
  first.remember(a);
  first.remember(ab);
  first.store->flush();
  first.cache->forget(a);
  EXPECT_EQ(first.bring_back(join(a, {199})), 0u);
  EXPECT_EQ(first.bring_back(ab), 100u);
  first.cache->forget(ab);
  EXPECT_EQ(files().size(), 0u);
}

// Points that the pool gave up before they were written.
TEST_F(StateStoreTest, WhatWasGivenUpIsNotWritten) {
  StateStoreOptions patient = options();
  patient.patience = std::chrono::hours(1);
  Process first(patient);
  first.store->set_busy(true);
  first.remember(text(1, 50));
  EXPECT_EQ(first.store->counters().waiting, 1);
  first.session->pool().forget(1);
  first.store->flush();
  EXPECT_EQ(first.store->counters().points, 0);
  EXPECT_EQ(files().size(), 0u);
}

}  // namespace
}  // namespace gannet
