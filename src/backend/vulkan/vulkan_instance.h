// The loader and what it finds: one instance per process, made when first asked for. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/vulkan/vulkan_facts.h"
#include "base/result.h"

namespace gannet {

// Opaque here: vulkan_handles.h.
struct VulkanInstance;

struct VulkanInstanceOptions {
  // The Khronos validation layer looks at every call, and tells what it finds. For tests; kDevice when the
  // layer is not installed.
  bool validate = false;
  std::function<void(const std::string& message)> on_message;
};

// Errors: kDevice, whole sentences with the remedy: no loader, no driver, a loader older than 1.2.
Result<std::shared_ptr<VulkanInstance>> open_vulkan(VulkanInstanceOptions options = {});

// In the order of the driver. A device that cannot be used is there with the reason.
std::vector<VulkanFacts> vulkan_devices(const VulkanInstance& instance);

}  // namespace gannet
