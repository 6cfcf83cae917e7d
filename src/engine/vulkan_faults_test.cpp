// What a session says when its Vulkan device has no memory, is lost or does not answer, and that another one
// goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "backend/cpu/isa.h"
#include "backend/vulkan/vulkan_for_test.h"
#include "engine/device_probe.h"
#include "engine/model.h"
#include "engine/session.h"
#include "ops/catalogue.h"

namespace gannet {
namespace {

struct VulkanFaultsTest : testing::Test {
  std::shared_ptr<const Model> model = Model::load("models/pocket.gguf", {}, nullptr).take();
  std::shared_ptr<VulkanFaults> faults = std::make_shared<VulkanFaults>();
  std::shared_ptr<VulkanDevice> device;

  void SetUp() override {
    auto opened = open();
    if (!opened.ok()) GTEST_SKIP() << no_vulkan_for_test(opened.error());
    device = opened.take();
  }
  void TearDown() override {
    device = nullptr;
    expect_no_vulkan_messages();
  }
  Result<std::unique_ptr<VulkanDevice>> open() {
    return open_vulkan_for_test(shader_code, {.faults = faults});
  }
  Result<std::unique_ptr<Session>> try_session() {
    SessionOptions options;
    options.n_threads = 1;
    options.n_ctx = 512;
    options.policy.isas = machine_isas();
    options.device = device;
    return Session::create(model, options);
  }
  static Result<std::vector<float>> logits(Session& session, SequenceState& sequence,
                                           std::vector<int32_t> tokens) {
    const ForwardRows rows = GANNET_TRY(session.forward(sequence, tokens, LogitRows::kLast));
    const float* row = rows.logits.f32(0);
    return std::vector<float>(row, row + rows.logits.shape.last());
  }
  // A step on a new session, on a device of its own.
  std::vector<float> on_a_new_device() {
    device = open().take();
    const auto session = try_session().take();
    SequenceState sequence = session->new_sequence();
    return logits(*session, sequence, {3, 14, 15}).take();
  }
};

TEST_F(VulkanFaultsTest, ALostDeviceFailsTheStepAndEveryLaterOne) {
  std::vector<float> before;
  {
    const auto session = try_session().take();
    SequenceState sequence = session->new_sequence();
    before = logits(*session, sequence, {3, 14, 15}).take();
    faults->lost = 0;
    const auto failed = logits(*session, sequence, {92});
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code(), ErrorCode::kDevice);
    EXPECT_NE(failed.error().message().find("device was lost"), std::string::npos)
        << failed.error().message();
    EXPECT_FALSE(device->health().ok());
    EXPECT_FALSE(logits(*session, sequence, {92}).ok());
    // Going back, forgetting and remembering are harmless.
    const StateSnapshot snapshot = sequence.snapshot();
    sequence.clear();
    EXPECT_FALSE(device->allocate(64).ok());
  }
  EXPECT_EQ(on_a_new_device(), before);
}

TEST_F(VulkanFaultsTest, ADeviceThatDoesNotAnswerIsGivenUp) {
  std::vector<float> before;
  {
    const auto session = try_session().take();
    SequenceState sequence = session->new_sequence();
    before = logits(*session, sequence, {3, 14, 15}).take();
    ASSERT_TRUE(logits(*session, sequence, {3}).ok());
    faults->hung = 0;
    const auto began = std::chrono::steady_clock::now();
    const auto failed = logits(*session, sequence, {14});
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code(), ErrorCode::kDevice);
    EXPECT_NE(failed.error().message().find("has not answered for 2 seconds"), std::string::npos);
    EXPECT_FALSE(logits(*session, sequence, {14}).ok());
    // Nobody waits a second time.
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));
  }
  // Its objects stay, and so does what the layer has to say about them.
  device = nullptr;
  vulkan_messages_for_test().clear();
  EXPECT_EQ(on_a_new_device(), before);
}

TEST_F(VulkanFaultsTest, WithoutMemoryTheRequestFailsAndTheSessionGoesOn) {
  const auto session = try_session().take();
  SequenceState sequence = session->new_sequence();
  const std::vector<float> before = logits(*session, sequence, {3, 14, 15}).take();
  // Plans for many rows need more of everything.
  faults->no_memory = 0;
  SequenceState other = session->new_sequence();
  const auto failed = logits(*session, other, std::vector<int32_t>(300, 7));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kOutOfMemory) << failed.error().message();
  EXPECT_TRUE(device->health().ok());
  faults->no_memory = -1;
  SequenceState again = session->new_sequence();
  EXPECT_EQ(logits(*session, again, {3, 14, 15}).take(), before);
  EXPECT_TRUE(logits(*session, other, std::vector<int32_t>(300, 7)).ok());
}

// Whatever it is that has no room, a session says so, or takes less of the model; it never aborts.
TEST_F(VulkanFaultsTest, NoAllocationIsTakenForGranted) {
  int n_failed = 0;
  for (int after = 0; after < 12; ++after) {
    faults->no_memory = after;
    const auto made = try_session();
    if (!made.ok()) {
      ++n_failed;
      EXPECT_EQ(made.error().code(), ErrorCode::kOutOfMemory) << made.error().message();
    } else {
      SequenceState sequence = (*made)->new_sequence();
      const auto step = logits(**made, sequence, {3, 14, 15});
      if (!step.ok()) {
        ++n_failed;
        EXPECT_EQ(step.error().code(), ErrorCode::kOutOfMemory) << step.error().message();
      }
    }
    faults->no_memory = -1;
  }
  EXPECT_GT(n_failed, 2);
}

// What the host does for a token beside what the driver does: rows into the run block, the replay, the
// logits. The median, since other processes are there.
TEST_F(VulkanFaultsTest, TheHostsPartOfATokenIsSmall) {
  const auto session = try_session().take();
  SequenceState sequence = session->new_sequence();
  ASSERT_TRUE(logits(*session, sequence, {3}).ok());
  faults->nothing_runs = true;
  std::vector<double> microseconds;
  for (int i = 0; i < 400; ++i) {
    const int32_t token = i % 100;
    const StepPiece piece{&sequence, {&token, 1}, LogitRows::kLast, false, {}};
    const auto began = std::chrono::steady_clock::now();
    ASSERT_TRUE(session->step(StatePart::kTrunk, {&piece, 1}).ok());
    sequence.commit(StatePart::kTrunk, 1);
    microseconds.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count());
  }
  std::ranges::sort(microseconds);
  RecordProperty("median_us", std::to_string(microseconds[200]));
  EXPECT_LE(microseconds[200], 50);
}

// Mesa's driver for CPUs is never the faster choice.
TEST_F(VulkanFaultsTest, TheProbeCallsADriverOnTheCpuSlower) {
  auto team = ThreadTeam::create(1, {}).take();
  const double cpu = weight_bytes_per_second(nullptr, *team).take();
  const double its = weight_bytes_per_second(device, *team, cpu).take();
  EXPECT_GT(its, 0);
  if (device->facts().type == VulkanFacts::Type::kCpu) {
    EXPECT_LT(its, cpu);
  }
}

}  // namespace
}  // namespace gannet
