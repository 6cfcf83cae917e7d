// Where weights lie changes nothing but speed, whatever happens to them meanwhile.
#include "engine/weight_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "engine/session.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

// A copy of the shipped model, written in pieces of 4 KiB: the page cache then holds it in such pages.
struct WeightMemoryTest : testing::Test {
  fs::path path = fs::temp_directory_path() / ("gannet_weights_" + std::to_string(getpid()) + ".gguf");
  void SetUp() override {
    std::ifstream in("models/pocket.gguf", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_GE(fd, 0);
    for (size_t at = 0; at < bytes.size(); at += 4096) {
      const size_t n = std::min<size_t>(4096, bytes.size() - at);
      ASSERT_EQ(write(fd, bytes.data() + at, n), static_cast<ssize_t>(n));
    }
    close(fd);
  }
  void TearDown() override { fs::remove(path); }

  Result<std::shared_ptr<const Model>> load(LoadMode mode) {
    return Model::load(path, {.mode = mode}, nullptr);
  }
  static std::unique_ptr<Session> session(std::shared_ptr<const Model> model, int n_threads = 2) {
    SessionOptions o;
    o.n_threads = n_threads;
    return Session::create(std::move(model), o).take();
  }
  // All logits of a short prompt and of `n` single tokens behind it.
  static std::vector<float> logits(Session& s, int n) {
    std::vector<float> all;
    SequenceState sequence = s.new_sequence();
    std::vector<int32_t> tokens(20);
    for (int i = 0; i < 20; ++i) tokens[static_cast<size_t>(i)] = 100 + 37 * i;
    const auto keep = [&](const ForwardRows& rows) {
      const int64_t n_values = rows.logits.shape.elements();
      all.insert(all.end(), rows.logits.f32(0), rows.logits.f32(0) + n_values);
    };
    keep(s.forward(sequence, tokens, LogitRows::kAll).take());
    for (int32_t i = 0; i < n; ++i) {
      const int32_t token = 50 + 11 * i;
      keep(s.forward(sequence, std::span(&token, 1), LogitRows::kLast).take());
    }
    return all;
  }
  // A model all of which is moved while it runs, whatever pages the machine has.
  std::shared_ptr<const Model> moving_model() {
    return Model::load(path, {.move_any_pages = true}, nullptr).take();
  }
  int64_t file_bytes() const { return static_cast<int64_t>(fs::file_size(path)); }
};

TEST_F(WeightMemoryTest, LogitsAreTheSameInEveryModeAndWhileWeightsMove) {
  auto mapped = load(LoadMode::kMmap).take();
  const std::vector<float> expected = logits(*session(mapped), 100);
  auto none = load(LoadMode::kNone).take();
  EXPECT_EQ(logits(*session(none), 100), expected);
  if (auto huge = load(LoadMode::kHuge); huge.ok()) {
    EXPECT_EQ(logits(*session(huge.take()), 100), expected);
  } else {
    EXPECT_EQ(huge.error().code(), ErrorCode::kOutOfMemory);
    EXPECT_NE(huge.error().message().find("--load-mode huge"), std::string::npos);
  }
  EXPECT_EQ(logits(*session(load(LoadMode::kAuto).take()), 100), expected);
  auto moving = moving_model();
  auto s = session(moving);
  EXPECT_EQ(moving->memory().moved_bytes(), 0);
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(logits(*s, 100), expected);
    std::this_thread::sleep_for(std::chrono::milliseconds(40));  // what idle threads move
  }
  EXPECT_GT(moving->memory().moved_bytes(), 0) << moving->memory().text();
  moving->memory().settle({}, {});
  EXPECT_EQ(moving->memory().moved_bytes(), file_bytes()) << moving->memory().text();
  EXPECT_EQ(logits(*s, 100), expected);
}

TEST_F(WeightMemoryTest, RunsMoveForAShareOfTheirTime) {
  auto model = moving_model();  // without a session there are no idle threads
  WeightMemory& memory = model->memory();
  ThreadTeam team(2);
  memory.begin_run();
  ASSERT_TRUE(memory.end_run(team, 2, std::chrono::nanoseconds(0)).ok());
  EXPECT_EQ(memory.moved_bytes(), 0);
  for (int i = 0; i < 1000 && memory.moved_bytes() < file_bytes(); ++i) {
    memory.begin_run();
    ASSERT_TRUE(memory.end_run(team, 2, std::chrono::milliseconds(50)).ok());
  }
  EXPECT_EQ(memory.moved_bytes(), file_bytes()) << memory.text();
}

TEST_F(WeightMemoryTest, AllIsMovedWhileNoSessionRuns) {
  auto model = moving_model();
  auto s = session(model);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (model->memory().moved_bytes() < file_bytes() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(model->memory().moved_bytes(), file_bytes()) << model->memory().text();
}

TEST_F(WeightMemoryTest, AFileThatIsRewrittenWhileItMovesEndsInAnError) {
  auto model = moving_model();
  auto s = session(model);
  SequenceState sequence = s->new_sequence();
  const int32_t token = 5;
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(5));
  auto rows = s->forward(sequence, std::span(&token, 1), LogitRows::kLast);
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().code(), ErrorCode::kModelFile);
  EXPECT_NE(rows.error().message().find("was written to"), std::string::npos);
  EXPECT_EQ(sequence.length(), 0);
  model->memory().settle({}, {});
  EXPECT_EQ(model->memory().moved_bytes(), 0);
  EXPECT_FALSE(s->forward(sequence, std::span(&token, 1), LogitRows::kLast).ok());  // and it stays one
}

TEST_F(WeightMemoryTest, NothingIsLeftOfTheMappingInModeNone) {
  auto model = load(LoadMode::kNone).take();
  const std::vector<float> expected = logits(*session(model), 3);
  fs::resize_file(path, 0);
  EXPECT_EQ(logits(*session(model), 3), expected);
}

}  // namespace
}  // namespace gannet
