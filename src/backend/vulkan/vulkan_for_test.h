// The device that tests run on: the first one, or the one of GANNET_VULKAN_DEVICE. They are skipped where
// there is none, unless GANNET_VULKAN_MUST is set. With GANNET_VULKAN_VALIDATE what the validation layer says
// is a failure; with GANNET_VULKAN_GUARD buffers lie between pages that nobody may touch.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
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

// The same for tests of cooperative matrices, of which no device here may have any;
// GANNET_VULKAN_MUST=matrices says that it has.
inline std::string no_matrices_for_test() {
  const char* must = std::getenv("GANNET_VULKAN_MUST");
  std::string why = "the device has no matrices";
  if (must != nullptr && std::string(must) == "matrices") ADD_FAILURE() << why;
  return why;
}

inline void expect_no_vulkan_messages() {
  for (const std::string& message : vulkan_messages_for_test()) ADD_FAILURE() << message;
  vulkan_messages_for_test().clear();
}

// Devices that the tests of a program share, each made when it is first asked for. They are closed behind the
// last test: what drivers and layers brought may be gone when the program's own objects go.
class SharedVulkans : public testing::Environment {
 public:
  using Opened = Result<std::shared_ptr<VulkanDevice>>;
  const Opened& get(int number, const ShaderLookup& shaders, const VulkanForTest& wanted) {
    auto found = all_.find(number);
    if (found == all_.end()) {
      auto opened = open_vulkan_for_test(shaders, wanted);
      found = all_.emplace(number, opened.ok() ? Opened(opened.take()) : Opened(opened.take_error())).first;
    }
    return found->second;
  }
  void TearDown() override {
    all_.clear();
    expect_no_vulkan_messages();
  }

 private:
  std::map<int, Opened> all_;
};

// Owned by GoogleTest.
inline SharedVulkans& shared_vulkans =
    *static_cast<SharedVulkans*>(testing::AddGlobalTestEnvironment(new SharedVulkans));

inline const SharedVulkans::Opened& shared_vulkan_for_test(const ShaderLookup& shaders, int number = 0,
                                                           const VulkanForTest& wanted = {}) {
  return shared_vulkans.get(number, shaders, wanted);
}

}  // namespace gannet
