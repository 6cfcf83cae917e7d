#define VOLK_IMPLEMENTATION
#include "backend/vulkan/vulkan_api.h"

#include <cstring>

#include <fmt/core.h>

namespace gannet {

const char* vulkan_result_name(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return "VK_ERROR_OUT_OF_HOST_MEMORY";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "VK_ERROR_OUT_OF_DEVICE_MEMORY";
    case VK_ERROR_INITIALIZATION_FAILED:
      return "VK_ERROR_INITIALIZATION_FAILED";
    case VK_ERROR_DEVICE_LOST:
      return "VK_ERROR_DEVICE_LOST";
    case VK_ERROR_MEMORY_MAP_FAILED:
      return "VK_ERROR_MEMORY_MAP_FAILED";
    case VK_ERROR_LAYER_NOT_PRESENT:
      return "VK_ERROR_LAYER_NOT_PRESENT";
    case VK_ERROR_EXTENSION_NOT_PRESENT:
      return "VK_ERROR_EXTENSION_NOT_PRESENT";
    case VK_ERROR_FEATURE_NOT_PRESENT:
      return "VK_ERROR_FEATURE_NOT_PRESENT";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return "VK_ERROR_INCOMPATIBLE_DRIVER";
    case VK_ERROR_TOO_MANY_OBJECTS:
      return "VK_ERROR_TOO_MANY_OBJECTS";
    case VK_ERROR_INVALID_EXTERNAL_HANDLE:
      return "VK_ERROR_INVALID_EXTERNAL_HANDLE";
    case VK_TIMEOUT:
      return "VK_TIMEOUT";
    default:
      return "an error without a name here";
  }
}

Error vulkan_error(VkResult result, const char* what) {
  const bool memory = result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (result == VK_ERROR_DEVICE_LOST)
    return {ErrorCode::kDevice,
            fmt::format("the Vulkan device was lost ({}); the driver's log may say why", what)};
  return {memory ? ErrorCode::kOutOfMemory : ErrorCode::kDevice,
          fmt::format("{} failed: {} ({})", what, vulkan_result_name(result), static_cast<int>(result))};
}

std::string vulkan_call_name(const char* call) {
  return {call, std::strcspn(call, "(")};
}

}  // namespace gannet
