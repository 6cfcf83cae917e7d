// What a kernel does outside of a buffer is noticed where buffers are guarded; where they are not, it is not
// (backend/vulkan/vulkan_for_test.h says on which device).
#include <gtest/gtest.h>

#include "backend/vulkan/vulkan_for_test.h"
#include "ops/catalogue.h"
#include "ops/scale/scale.h"

namespace gannet {
namespace {

constexpr int64_t kThere = 64;

// 2 * x of n numbers from the first on, of buffers that have kThere.
void scale_numbers(int64_t n, int64_t first) {
  const std::shared_ptr<VulkanDevice> device = open_vulkan_for_test(shader_code, {.guarded = true}).take();
  const auto x = DeviceBuffer::allocate(device, kThere * 4).take(),
             y = DeviceBuffer::allocate(device, kThere * 4).take();
  const std::vector<float> ones(kThere, 1);
  device->wait(device->upload(x.at(0), std::as_bytes(std::span(ones))).take()).take();
  const auto view = [&](const DeviceBuffer& buffer, int64_t from) {
    return contiguous_view(device->address(buffer.at(0)) + 4 * from, DType::kF32, Shape(n));
  };
  const TensorView operands[] = {view(x, first)}, results[] = {view(y, 0)};
  const ScaleAttrs attrs{2};
  RecordArgs args{operands, results, &attrs, nullptr, 1};
  const auto recorder = device->record();
  recorded_kernel(*recorded_kernels().kernels_of(kOp_scale)[0]).record(args, *recorder);
  const auto recording = recorder->finish().take();
  device->wait(recording->replay().take()).take();
  std::vector<float> twos(kThere);
  device->wait(device->download(y.at(0), std::as_writable_bytes(std::span(twos))).take()).take();
  for (int64_t i = 0; i < std::min(n, kThere); ++i)
    GANNET_CHECK(twos[static_cast<size_t>(i)] == 2, "a wrong number");
}

struct VulkanGuard : testing::Test {
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");  // the driver has threads
    const auto plain = open_vulkan_for_test(shader_code);
    if (!plain.ok()) GTEST_SKIP() << no_vulkan_for_test(plain.error());
    if ((*plain)->facts().type != VulkanFacts::Type::kCpu)
      GTEST_SKIP() << "accesses of a device that is not the CPU are no signals";
    const auto guarded = open_vulkan_for_test(shader_code, {.guarded = true});
    ASSERT_TRUE(guarded.ok()) << guarded.error().message();
  }
};

using VulkanGuardDeathTest = VulkanGuard;

TEST_F(VulkanGuardDeathTest, InsideAllIsWell) {
  scale_numbers(kThere, 0);
  expect_no_vulkan_messages();
}

TEST_F(VulkanGuardDeathTest, BehindTheEndIsASignal) {
  EXPECT_EXIT(scale_numbers(kThere + 1, 0), testing::KilledBySignal(SIGSEGV), "");
}

TEST_F(VulkanGuardDeathTest, ReadingBehindTheEndIsASignal) {
  EXPECT_EXIT(scale_numbers(kThere, 1), testing::KilledBySignal(SIGSEGV), "");
}

}  // namespace
}  // namespace gannet
