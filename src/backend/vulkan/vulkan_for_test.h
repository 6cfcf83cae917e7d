// The device that tests run on: the first one, or the one of GANNET_VULKAN_DEVICE. They are skipped where
// there is none, unless GANNET_VULKAN_MUST is set. With GANNET_VULKAN_VALIDATE what the validation layer says
// is a failure.
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

inline Result<std::unique_ptr<VulkanDevice>> open_vulkan_for_test(ShaderLookup shaders, bool staged = false,
                                                                  VulkanDeviceOptions how = {}) {
  VulkanInstanceOptions options;
  options.validate = std::getenv("GANNET_VULKAN_VALIDATE") != nullptr;
  options.on_message = [](const std::string& message) { vulkan_messages_for_test().push_back(message); };
  auto instance = GANNET_TRY(open_vulkan(options));
  const char* number = std::getenv("GANNET_VULKAN_DEVICE");
  how.shaders = std::move(shaders);
  how.staged = staged;
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
