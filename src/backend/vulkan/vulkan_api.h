// Vulkan as this folder calls it. Its functions are looked up in the loader at run time (volk): a program
// with this back end runs where there is none.
#pragma once

#include <volk.h>

#include <string>

#include "base/result.h"

namespace gannet {

// "VK_ERROR_DEVICE_LOST".
const char* vulkan_result_name(VkResult result);

// kOutOfMemory for what means that, else kDevice: "the Vulkan device refused WHAT (VK_ERROR_...)".
Error vulkan_error(VkResult result, const char* what);

#define GANNET_VK(call)                                                                    \
  do {                                                                                     \
    if (const VkResult vk_result = (call); vk_result != VK_SUCCESS)                        \
      return ::gannet::vulkan_error(vk_result, ::gannet::vulkan_call_name(#call).c_str()); \
  } while (0)

// "vkCreateBuffer" of "vkCreateBuffer(device, ...)".
std::string vulkan_call_name(const char* call);

}  // namespace gannet
