#include "backend/testing/guarded_device.h"

#include <gtest/gtest.h>

namespace gannet {
namespace {

TEST(GuardedDevice, GivesBackWhatWasUploaded) {
  GuardedDevice device;
  const BufferId buffer = *device.allocate(10'000);
  const char text[] = "something";
  ASSERT_TRUE(device.upload({buffer, 5000}, std::as_bytes(std::span(text))).ok());
  ASSERT_TRUE(device.copy({buffer, 5000}, {buffer, 100}, sizeof(text)).ok());
  char back[sizeof(text)];
  ASSERT_TRUE(device.download({buffer, 100}, std::as_writable_bytes(std::span(back))).ok());
  EXPECT_STREQ(back, text);
  EXPECT_EQ(device.host_view({buffer, 0}), nullptr);
  EXPECT_EQ(device.uploaded_bytes(), static_cast<int64_t>(sizeof(text)));
}

TEST(GuardedDevice, TakesNoHostMemory) {
  GuardedDevice device;
  alignas(64) std::byte file[256] = {};
  EXPECT_FALSE(device.import_host(file).ok());
  const BufferId copy = *bring_to_device(device, file);
  EXPECT_NE(device.address({copy, 0}), file);
  EXPECT_EQ(device.memory().allocated, 256);
}

TEST(GuardedDeviceDeath, TheHostDiesWhereItTouchesABuffer) {
  GuardedDevice device;
  const BufferId buffer = *device.allocate(64);
  auto* data = reinterpret_cast<volatile char*>(device.address({buffer, 0}));
  EXPECT_DEATH((void)data[0], "");
  EXPECT_DEATH(data[0] = 1, "");
  device.begin_kernels();
  data[0] = 7;
  EXPECT_EQ(data[0], 7);
  auto* later = reinterpret_cast<volatile char*>(device.address({*device.allocate(64), 0}));
  EXPECT_EQ(later[0], 0);
  device.end_kernels();
  EXPECT_DEATH((void)data[0], "");
  EXPECT_DEATH((void)later[0], "");
}

}  // namespace
}  // namespace gannet
