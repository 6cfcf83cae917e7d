// The device that tests run on: the first one, or the one of GANNET_VULKAN_DEVICE. They are skipped where
// there is none, unless GANNET_VULKAN_MUST is set. With GANNET_VULKAN_VALIDATE what the validation layer says
// is a failure; with GANNET_VULKAN_GUARD buffers lie between pages that nobody may touch.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "backend/vulkan/vulkan_device.h"

namespace gannet {

inline std::vector<std::string>& vulkan_messages_for_test() {
  static std::vector<std::string> all;
  return all;
}

// Mesa's driver for CPUs keeps what it compiled in a folder and takes it from there for any width of vectors,
// also another than it was compiled for: a run with a width of its own needs a folder of its own, too.
inline void separate_shader_caches() {
  const char* width = std::getenv("LP_NATIVE_VECTOR_WIDTH");
  if (width == nullptr || std::getenv("MESA_SHADER_CACHE_DIR") != nullptr) return;
  setenv("MESA_SHADER_CACHE_DIR", (testing::TempDir() + "gannet_mesa_" + width).c_str(), 0);
}

struct VulkanForTest {
  bool staged = false;              // VulkanDeviceOptions::staged
  bool guarded = false;             // VulkanDeviceOptions::guarded
  std::optional<bool> planes = {};  // VulkanDeviceOptions::planes
  std::shared_ptr<VulkanFaults> faults = {};
};

inline Result<std::unique_ptr<VulkanDevice>> open_vulkan_for_test(ShaderLookup shaders,
                                                                  const VulkanForTest& wanted = {}) {
  separate_shader_caches();
  VulkanInstanceOptions options;
  options.validate = std::getenv("GANNET_VULKAN_VALIDATE") != nullptr;
  options.on_message = [](const std::string& message) { vulkan_messages_for_test().push_back(message); };
  auto instance = GANNET_TRY(open_vulkan(options));
  const char* number = std::getenv("GANNET_VULKAN_DEVICE");
  VulkanDeviceOptions how;
  how.shaders = std::move(shaders);
  how.staged = wanted.staged;
  how.planes = wanted.planes;
  how.faults = wanted.faults;
  how.guarded = wanted.guarded || std::getenv("GANNET_VULKAN_GUARD") != nullptr;
  if (const char* file = std::getenv("GANNET_VULKAN_PIPELINES")) how.pipeline_file = file;
  return VulkanDevice::open(std::move(instance), number == nullptr ? 0 : std::stoul(number), std::move(how));
}

// Why the test is skipped; it has failed when it must not be.
inline std::string no_vulkan_for_test(const Error& error) {
  if (std::getenv("GANNET_VULKAN_MUST") != nullptr) ADD_FAILURE() << error.message();
  return error.message();
}

inline void expect_no_vulkan_messages() {
  for (const std::string& message : vulkan_messages_for_test()) ADD_FAILURE() << message;
  vulkan_messages_for_test().clear();
}

}  // namespace gannet
