#include "backend/cpu/cpu_device.h"

#include <gtest/gtest.h>

#include <cstring>

namespace gannet {
namespace {

TEST(CpuDevice, ImportedMemoryIsUsedWhereItLies) {
  CpuDevice device;
  alignas(64) std::byte file[256] = {};
  const BufferId buffer = *device.import_host(file);
  EXPECT_EQ(device.address({buffer, 17}), file + 17);
  EXPECT_EQ(device.memory().imported, 256);
  EXPECT_EQ(device.memory().allocated, 0);
  EXPECT_EQ(*bring_to_device(device, file), static_cast<BufferId>(2)) << "imported, not copied";
  EXPECT_EQ(device.memory().imported, 512);
  device.free(buffer);
  EXPECT_EQ(device.memory().imported, 256);
}

TEST(CpuDevice, CountsWhatItHolds) {
  CpuDevice device;
  const BufferId a = *device.allocate(3 << 20), b = *device.allocate(1000);
  EXPECT_EQ(device.size(a), 3 << 20);
  device.free(a);
  const DeviceMemory memory = device.memory();
  EXPECT_EQ(memory.allocated, 1000);
  EXPECT_EQ(memory.peak, (3 << 20) + 1000);
  EXPECT_GT(memory.limit, 0);
  EXPECT_NE(device.explain().find("cpu: 0.0 MiB allocated (peak 3.0 MiB), 0.0 MiB imported, 1 buffers"),
            std::string::npos)
      << device.explain();
  EXPECT_NE(*device.allocate(1000), a) << "numbers are not given out again";
  EXPECT_EQ(reinterpret_cast<uintptr_t>(device.address({b, 0})) % 64, 0u);
}

TEST(CpuDevice, CopiesGoWhereTheyShould) {
  CpuDevice device;
  const BufferId buffer = *device.allocate(64);
  const char text[] = "something", none[6] = {};
  ASSERT_TRUE(device.upload({buffer, 5}, std::as_bytes(std::span(text))).ok());
  ASSERT_TRUE(device.copy({buffer, 5}, {buffer, 30}, sizeof(text)).ok());
  char back[sizeof(text)];
  ASSERT_TRUE(device.download({buffer, 30}, std::as_writable_bytes(std::span(back))).ok());
  EXPECT_STREQ(back, text);
  EXPECT_EQ(std::memcmp(device.host_view({buffer, 0}), none, 5), 0) << "zero before and around";
  ASSERT_TRUE(device.zero({buffer, 31}, 2).ok());
  EXPECT_EQ(std::memcmp(device.host_view({buffer, 30}), "s\0\0ething", 9), 0);
}

TEST(CpuDevice, ShortMemoryIsAnError) {
  CpuDevice device;
  const auto buffer = device.allocate(int64_t{1} << 60);
  ASSERT_FALSE(buffer.ok());
  EXPECT_EQ(buffer.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_NE(buffer.error().message().find("1152921504606846976 bytes"), std::string::npos);
  EXPECT_EQ(device.memory().peak, 0);
}

TEST(CpuDeviceDeath, PlacesOutsideOfABufferAreBugs) {
  CpuDevice device;
  const BufferId buffer = *device.allocate(64);
  EXPECT_DEATH((void)device.address({buffer, 65}), "outside of the buffer");
  EXPECT_DEATH((void)device.copy({buffer, 0}, {buffer, 32}, 33), "outside of the buffer");
  device.free(buffer);
  EXPECT_DEATH((void)device.address({buffer, 0}), "no such buffer");
}

}  // namespace
}  // namespace gannet
