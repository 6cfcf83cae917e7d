// Memory, copies and recordings of a Vulkan device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mman.h>

#include <array>
#include <cstring>
#include <numeric>
#include <random>

#include "backend/api/recorder.h"
#include "backend/vulkan/vulkan_for_test.h"

namespace gannet {
namespace {

using testing::HasSubstr;

std::vector<std::byte> pattern(size_t n, uint32_t seed) {
  std::vector<std::byte> bytes(n);
  std::mt19937 random(seed);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

// With the host's view of the memory, and without.
struct VulkanDeviceTest : testing::TestWithParam<bool> {
  std::shared_ptr<VulkanDevice> device;

  void SetUp() override {
    auto opened = open_vulkan_for_test({}, {.staged = GetParam()});
    if (!opened.ok()) GTEST_SKIP() << no_vulkan_for_test(opened.error());
    device = opened.take();
  }
  void TearDown() override {
    device = nullptr;
    expect_no_vulkan_messages();
  }
  void put(Place to, std::span<const std::byte> bytes) {
    const auto sent = device->upload(to, bytes);
    ASSERT_TRUE(sent.ok()) << sent.error().message();
    ASSERT_TRUE(device->wait(*sent).ok());
  }
  std::vector<std::byte> get(Place from, size_t n) {
    std::vector<std::byte> bytes(n);
    device->wait(device->download(from, bytes).take()).take();
    return bytes;
  }
};

TEST_P(VulkanDeviceTest, FactsMakeSense) {
  const VulkanFacts& facts = device->facts();
  EXPECT_FALSE(facts.name.empty());
  EXPECT_GE(facts.subgroup_min, 1);
  EXPECT_LE(facts.subgroup_min, facts.subgroup_max);
  EXPECT_GE(facts.shared_bytes, 16 << 10);
  EXPECT_FALSE(facts.heaps.empty());
  EXPECT_THAT(to_text(facts), HasSubstr(facts.name));
  for (const MatrixShape& shape : facts.matrices) {
    EXPECT_GE(static_cast<int>(shape.subgroup), facts.subgroup_min);
    EXPECT_LE(static_cast<int>(shape.subgroup), facts.subgroup_max);
  }
  EXPECT_EQ((device->features() & kMatrixProducts) != 0, matrix_shape_of(facts).m > 0);
}

TEST(VulkanFacts, TheShapeOfMatricesIsTheUsualOneOrTheLargestThatFits) {
  VulkanFacts facts;
  const auto chosen = [&](std::vector<MatrixShape> shapes) {
    facts.matrices = std::move(shapes);
    const MatrixShape shape = matrix_shape_of(facts);
    return std::array{shape.m, shape.n, shape.k, shape.subgroup};
  };
  using Sides = std::array<uint32_t, 4>;
  EXPECT_EQ(chosen({}), (Sides{0, 0, 0, 0}));
  EXPECT_EQ(chosen({{8, 8, 8, 8}}), (Sides{8, 8, 8, 8}));
  EXPECT_EQ(chosen({{16, 8, 8, 32}, {16, 8, 16, 32}}), (Sides{16, 8, 16, 32}));
  EXPECT_EQ(chosen({{32, 32, 16, 32}, {16, 16, 16, 32}, {8, 8, 8, 32}}), (Sides{16, 16, 16, 32}));
  EXPECT_EQ(chosen({{64, 64, 64, 32}, {12, 16, 16, 32}}), (Sides{0, 0, 0, 0}));
  EXPECT_THAT(to_text(facts), HasSubstr("matrices of f16: 64x64x64 12x16x16"));
}

TEST_P(VulkanDeviceTest, BuffersAreZeroAndDoNotOverlap) {
  std::mt19937 random(1);
  struct Piece {
    DeviceBuffer buffer;
    std::vector<std::byte> bytes;
  };
  std::vector<Piece> pieces;
  for (int i = 0; i < 300; ++i) {
    if (pieces.size() > 20 || (!pieces.empty() && random() % 3 == 0)) {
      const size_t at = random() % pieces.size();
      EXPECT_EQ(get(pieces[at].buffer.at(0), pieces[at].bytes.size()), pieces[at].bytes);
      std::swap(pieces[at], pieces.back());
      pieces.pop_back();
      continue;
    }
    const size_t n = i % 10 == 0 ? 3 << 20 : 1 + random() % 100000;
    const BufferUse use = static_cast<BufferUse>(random() % 3);
    auto buffer = DeviceBuffer::allocate(device, static_cast<int64_t>(n), use).take();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(device->address(buffer.at(0))) % 64, 0u);
    EXPECT_EQ(get(buffer.at(0), n), std::vector<std::byte>(n));
    std::vector<std::byte> bytes = pattern(n, random());
    put(buffer.at(0), bytes);
    pieces.push_back({std::move(buffer), std::move(bytes)});
  }
  for (const Piece& piece : pieces) EXPECT_EQ(get(piece.buffer.at(0), piece.bytes.size()), piece.bytes);
  pieces.clear();
  EXPECT_EQ(device->memory().allocated, 0);
}

TEST_P(VulkanDeviceTest, CopiesFollowEachOther) {
  const size_t n = 40 << 20;  // several times what goes through the staging memory at once
  auto a = DeviceBuffer::allocate(device, n).take(), b = DeviceBuffer::allocate(device, n).take();
  const std::vector<std::byte> bytes = pattern(n, 7);
  put(a.at(0), bytes);
  device->copy(a.at(64), b.at(128), 1000).take();
  device->zero(b.at(256), 64).take();
  const Event last = device->copy(a.at(4096), b.at(8192), n - 8192).take();
  device->wait(last).take();
  EXPECT_TRUE(device->done(last));
  std::vector<std::byte> expected(n);
  std::memcpy(&expected[128], &bytes[64], 1000);
  std::memset(&expected[256], 0, 64);
  std::memcpy(&expected[8192], &bytes[4096], n - 8192);
  EXPECT_EQ(get(b.at(0), n), expected);
}

TEST_P(VulkanDeviceTest, MemoryOfTheHostIsUsedWhereItLies) {
  constexpr size_t kBytes = 1 << 20;
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::vector<std::byte> bytes = pattern(kBytes, 3);
  std::memcpy(memory, bytes.data(), kBytes);
  const auto imported = device->import_host({static_cast<const std::byte*>(memory) + 192, 5000});
  if (device->facts().unified && device->facts().host_import) {
    ASSERT_TRUE(imported.ok()) << imported.error().message();
    EXPECT_EQ(std::memcmp(get({*imported, 0}, 5000).data(), &bytes[192], 5000), 0);
    EXPECT_EQ(device->memory().allocated, 0);
    device->free(*imported);
  } else {
    EXPECT_FALSE(imported.ok());
  }
  munmap(memory, kBytes);
}

TEST_P(VulkanDeviceTest, WhatDoesNotFitIsAnError) {
  const auto refused = device->allocate(int64_t{1} << 50);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_THAT(refused.error().message(), HasSubstr("no memory for"));
}

TEST_P(VulkanDeviceTest, AShaderThatIsNotThereIsAnError) {
  const auto recorder = device->record();
  recorder->dispatch({"no_such_shader", {}, {1, 1, 1}, {}});
  recorder->barrier();
  const auto recording = recorder->finish();
  ASSERT_FALSE(recording.ok());
  EXPECT_EQ(recording.error().code(), ErrorCode::kDevice);
  EXPECT_THAT(recording.error().message(), HasSubstr("\"no_such_shader\""));
}

TEST_P(VulkanDeviceTest, AnEmptyRecordingReplays) {
  const auto recorder = device->record();
  recorder->mark();
  recorder->mark();
  const auto recording = recorder->finish().take();
  for (int i = 0; i < 3; ++i) device->wait(recording->replay().take()).take();
  EXPECT_EQ(recording->counts().dispatches, 0);
  const auto marks = recording->marks();
  ASSERT_TRUE(marks.ok());
  EXPECT_EQ(marks->size(), device->facts().timestamps ? 1u : 0u);
}

INSTANTIATE_TEST_SUITE_P(Staged, VulkanDeviceTest, testing::Bool());

TEST(Vulkan, ADeviceThatIsNotThereIsNamed) {
  auto instance = open_vulkan();
  if (!instance.ok()) GTEST_SKIP() << no_vulkan_for_test(instance.error());
  const auto opened = VulkanDevice::open(*instance, 99, {});
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message(), HasSubstr("no Vulkan device 99"));
}

}  // namespace
}  // namespace gannet
