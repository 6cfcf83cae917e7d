// Handles behind what other folders see; only for the files of this folder.
#pragma once

#include <vector>

#include "backend/vulkan/vulkan_api.h"
#include "backend/vulkan/vulkan_instance.h"
#include "backend/vulkan/vulkan_matrices.h"

namespace gannet {

struct VulkanInstance {
  VulkanInstanceOptions options;
  VkInstance instance = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
  std::vector<VkPhysicalDevice> devices;
  VulkanInstance() = default;
  VulkanInstance(const VulkanInstance&) = delete;
  VulkanInstance& operator=(const VulkanInstance&) = delete;
  ~VulkanInstance();
};

// What is asked of a device, each a structure in one chain. The addresses inside point at the object itself.
struct VulkanFeatures {
  VulkanFeatures();
  VulkanFeatures(const VulkanFeatures&) = delete;
  VulkanFeatures& operator=(const VulkanFeatures&) = delete;

  // Adds a structure of an extension that the device has to the chain.
  template <class T>
  void chain(T& structure) {
    structure.pNext = v12.pNext;
    v12.pNext = &structure;
  }

  VkPhysicalDeviceVulkan12Features v12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, nullptr};
  VkPhysicalDeviceVulkan11Features v11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, nullptr};
  VkPhysicalDeviceShaderIntegerDotProductFeatures int_dot{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES, nullptr};
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, nullptr};
  VkPhysicalDeviceSubgroupSizeControlFeatures subgroups{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES, nullptr};
  VkPhysicalDeviceFeatures2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr};
};

bool has_extension(const std::vector<VkExtensionProperties>& extensions, const char* name);
std::vector<VkExtensionProperties> device_extensions(VkPhysicalDevice device);
// The family of the one queue that is used; -1: none computes.
int compute_queue_family(VkPhysicalDevice device);
VulkanFacts facts_of(VkInstance instance, VkPhysicalDevice device);

}  // namespace gannet
