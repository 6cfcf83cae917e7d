#include "backend/vulkan/vulkan_instance.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include <fmt/core.h>

#include "backend/vulkan/vulkan_handles.h"

namespace gannet {
namespace {

constexpr const char* kValidation = "VK_LAYER_KHRONOS_validation";

VkBool32 VKAPI_PTR on_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                              const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  static_cast<VulkanInstance*>(user)->options.on_message(data->pMessage == nullptr ? "" : data->pMessage);
  return VK_FALSE;
}

Result<void> load() {
  static std::once_flag once;
  static VkResult result;
  std::call_once(once, [] { result = volkInitialize(); });
  if (result == VK_SUCCESS) return {};
  return Error(ErrorCode::kDevice,
               "there is no Vulkan loader (libvulkan.so.1) here; the graphics driver's package brings it");
}

std::vector<VkExtensionProperties> instance_extensions() {
  uint32_t n = 0;
  vkEnumerateInstanceExtensionProperties(nullptr, &n, nullptr);
  std::vector<VkExtensionProperties> all(n);
  vkEnumerateInstanceExtensionProperties(nullptr, &n, all.data());
  return all;
}

bool has_layer(const char* name) {
  uint32_t n = 0;
  vkEnumerateInstanceLayerProperties(&n, nullptr);
  std::vector<VkLayerProperties> all(n);
  vkEnumerateInstanceLayerProperties(&n, all.data());
  return std::ranges::any_of(all, [&](const auto& layer) { return std::strcmp(layer.layerName, name) == 0; });
}

}  // namespace

bool has_extension(const std::vector<VkExtensionProperties>& extensions, const char* name) {
  return std::ranges::any_of(extensions,
                             [&](const auto& e) { return std::strcmp(e.extensionName, name) == 0; });
}

VulkanInstance::~VulkanInstance() {
  if (messenger != VK_NULL_HANDLE) vkDestroyDebugUtilsMessengerEXT(instance, messenger, nullptr);
  if (instance != VK_NULL_HANDLE) vkDestroyInstance(instance, nullptr);
}

Result<std::shared_ptr<VulkanInstance>> open_vulkan(VulkanInstanceOptions options) {
  GANNET_TRY(load());
  if (volkGetInstanceVersion() < VK_API_VERSION_1_2)
    return Error(ErrorCode::kDevice, "the Vulkan loader is older than 1.2; update the graphics driver");
  auto made = std::make_shared<VulkanInstance>();
  made->options = std::move(options);

  VkApplicationInfo app{
      VK_STRUCTURE_TYPE_APPLICATION_INFO, nullptr, "gannet", 1, "gannet", 1, VK_API_VERSION_1_2};
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, nullptr};
  info.pApplicationInfo = &app;
  std::vector<const char*> extensions, layers;
  const std::vector<VkExtensionProperties> there = instance_extensions();
  // Drivers that leave a little of Vulkan out (Apple's) are listed only for who asks.
  if (has_extension(there, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
    extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
    info.flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
  }
  VkDebugUtilsMessengerCreateInfoEXT messages{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
                                              nullptr};
  if (made->options.validate) {
    if (!has_layer(kValidation))
      return Error(ErrorCode::kDevice, fmt::format("the layer {} is not installed; Debian has it in "
                                                   "vulkan-validationlayers",
                                                   kValidation));
    GANNET_CHECK(made->options.on_message != nullptr, "validation that nobody listens to");
    layers.push_back(kValidation);
    extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    messages.messageSeverity =
        VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    messages.messageType =
        VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT;
    messages.pfnUserCallback = on_message;
    messages.pUserData = made.get();
    info.pNext = &messages;  // of making and ending the instance, too
  }
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  info.enabledLayerCount = static_cast<uint32_t>(layers.size());
  info.ppEnabledLayerNames = layers.data();
  if (const VkResult result = vkCreateInstance(&info, nullptr, &made->instance); result != VK_SUCCESS) {
    made->instance = VK_NULL_HANDLE;
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
      return Error(ErrorCode::kDevice,
                   "there is a Vulkan loader, but no driver for it; install the graphics driver");
    return vulkan_error(result, "vkCreateInstance");
  }
  // Through the loader, which knows the driver of each device: calls are few, and most of them are recorded.
  volkLoadInstance(made->instance);
  if (made->options.validate)
    GANNET_VK(vkCreateDebugUtilsMessengerEXT(made->instance, &messages, nullptr, &made->messenger));

  uint32_t n = 0;
  GANNET_VK(vkEnumeratePhysicalDevices(made->instance, &n, nullptr));
  made->devices.resize(n);
  GANNET_VK(vkEnumeratePhysicalDevices(made->instance, &n, made->devices.data()));
  made->devices.resize(n);
  return made;
}

std::vector<VulkanFacts> vulkan_devices(const VulkanInstance& instance) {
  std::vector<VulkanFacts> all;
  for (const VkPhysicalDevice device : instance.devices) all.push_back(facts_of(instance.instance, device));
  return all;
}

}  // namespace gannet
