// Facts of a physical device, and which features are asked of it.
#include <fmt/core.h>

#include "backend/vulkan/vulkan_handles.h"

namespace gannet {
namespace {

VulkanFacts::Type type_of(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return VulkanFacts::Type::kDiscrete;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return VulkanFacts::Type::kIntegrated;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return VulkanFacts::Type::kVirtual;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return VulkanFacts::Type::kCpu;
    default:
      return VulkanFacts::Type::kOther;
  }
}

std::string missing_feature(const VulkanFeatures& f) {
  const struct {
    VkBool32 there;
    const char* name;
  } needed[] = {
      {f.v12.bufferDeviceAddress, "addresses of buffers (bufferDeviceAddress)"},
      {f.v12.timelineSemaphore, "timeline semaphores"},
      {f.v12.scalarBlockLayout, "scalar layouts of blocks"},
      {f.v11.storageBuffer16BitAccess, "16-bit storage"},
      {f.v12.storageBuffer8BitAccess, "8-bit storage"},
      {f.v12.shaderInt8, "8-bit integers"},
      {f.all.features.shaderInt16, "16-bit integers"},
  };
  for (const auto& feature : needed)
    if (feature.there == VK_FALSE) return fmt::format("the driver lacks {}", feature.name);
  return "";
}

void add_heaps(VkPhysicalDevice device, bool budgets, VulkanFacts& f) {
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT, nullptr};
  VkPhysicalDeviceMemoryProperties2 memory{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                           budgets ? &budget : nullptr};
  vkGetPhysicalDeviceMemoryProperties2(device, &memory);
  const VkPhysicalDeviceMemoryProperties& m = memory.memoryProperties;
  bool all_seen = m.memoryHeapCount > 0;
  for (uint32_t i = 0; i < m.memoryHeapCount; ++i) {
    VulkanHeap heap;
    heap.bytes = static_cast<int64_t>(m.memoryHeaps[i].size);
    heap.budget = budgets ? static_cast<int64_t>(budget.heapBudget[i]) : 0;
    heap.device_local = (m.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0;
    for (uint32_t t = 0; t < m.memoryTypeCount; ++t)
      if (m.memoryTypes[t].heapIndex == i &&
          (m.memoryTypes[t].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0)
        heap.host_visible = true;
    if (heap.device_local && !heap.host_visible) all_seen = false;
    f.heaps.push_back(heap);
  }
  f.unified = all_seen && (f.type == VulkanFacts::Type::kIntegrated || f.type == VulkanFacts::Type::kCpu);
}

// Those of halves with sums of floats that a subgroup holds.
std::vector<MatrixShape> matrix_shapes(VkInstance instance, VkPhysicalDevice device, uint32_t subgroup) {
  const auto ask = reinterpret_cast<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR>(
      vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  std::vector<MatrixShape> shapes;
  uint32_t n = 0;
  if (ask == nullptr || ask(device, &n, nullptr) != VK_SUCCESS) return shapes;
  std::vector<VkCooperativeMatrixPropertiesKHR> all(
      n, {VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR, nullptr});
  if (ask(device, &n, all.data()) != VK_SUCCESS) return shapes;
  for (const VkCooperativeMatrixPropertiesKHR& p : all)
    if (p.AType == VK_COMPONENT_TYPE_FLOAT16_KHR && p.BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
        p.CType == VK_COMPONENT_TYPE_FLOAT32_KHR && p.ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
        p.scope == VK_SCOPE_SUBGROUP_KHR)
      shapes.push_back({p.MSize, p.NSize, p.KSize, subgroup});
  return shapes;
}

}  // namespace

VulkanFeatures::VulkanFeatures() {
  all.pNext = &v11;
  v11.pNext = &v12;
}

std::vector<VkExtensionProperties> device_extensions(VkPhysicalDevice device) {
  uint32_t n = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &n, nullptr);
  std::vector<VkExtensionProperties> all(n);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &n, all.data());
  return all;
}

int compute_queue_family(VkPhysicalDevice device) {
  uint32_t n = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(device, &n, nullptr);
  std::vector<VkQueueFamilyProperties> families(n);
  vkGetPhysicalDeviceQueueFamilyProperties(device, &n, families.data());
  for (uint32_t i = 0; i < n; ++i)
    if ((families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) != 0) return static_cast<int>(i);
  return -1;
}

VulkanFacts facts_of(VkInstance instance, VkPhysicalDevice device) {
  VulkanFacts f;
  const std::vector<VkExtensionProperties> extensions = device_extensions(device);
  VkPhysicalDeviceExternalMemoryHostPropertiesEXT host{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT, nullptr};
  VkPhysicalDeviceSubgroupSizeControlProperties sizes{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES, nullptr};
  VkPhysicalDeviceMaintenance3Properties maintenance{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES, nullptr};
  VkPhysicalDeviceSubgroupProperties subgroup{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
                                              &maintenance};
  VkPhysicalDeviceDriverProperties driver{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES, &subgroup};
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &driver};
  f.host_import = has_extension(extensions, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  const auto chain = [&](auto& structure) {
    structure.pNext = properties.pNext;
    properties.pNext = &structure;
  };
  if (f.host_import) chain(host);
  const bool size_control = has_extension(extensions, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  if (size_control) chain(sizes);
  const bool has_matrices = has_extension(extensions, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
  VkPhysicalDeviceCooperativeMatrixPropertiesKHR matrices{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR, nullptr, 0};
  if (has_matrices) chain(matrices);
  vkGetPhysicalDeviceProperties2(device, &properties);
  const VkPhysicalDeviceProperties& p = properties.properties;
  f.name = p.deviceName;
  f.driver = fmt::format("{} {}", driver.driverName, driver.driverInfo);
  f.version = fmt::format("{}.{}.{}", VK_API_VERSION_MAJOR(p.apiVersion), VK_API_VERSION_MINOR(p.apiVersion),
                          VK_API_VERSION_PATCH(p.apiVersion));
  f.type = type_of(p.deviceType);
  if (p.apiVersion < VK_API_VERSION_1_2) {
    f.unusable = "the driver's Vulkan is older than 1.2";
    return f;
  }
  f.host_import_align = static_cast<int64_t>(host.minImportedHostPointerAlignment);
  f.subgroup_min = static_cast<int>(size_control ? sizes.minSubgroupSize : subgroup.subgroupSize);
  f.subgroup_max = static_cast<int>(size_control ? sizes.maxSubgroupSize : subgroup.subgroupSize);
  f.shared_bytes = p.limits.maxComputeSharedMemorySize;
  f.most_invocations = p.limits.maxComputeWorkGroupInvocations;
  f.most_groups = p.limits.maxComputeWorkGroupCount[0];
  f.most_allocation = static_cast<int64_t>(maintenance.maxMemoryAllocationSize);
  add_heaps(device, has_extension(extensions, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME), f);

  VulkanFeatures features;
  const bool int_dot = has_extension(extensions, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  if (int_dot) features.chain(features.int_dot);
  if (has_matrices) features.chain(features.matrices);
  if (size_control) features.chain(features.subgroups);
  vkGetPhysicalDeviceFeatures2(device, &features.all);
  f.f16 = features.v12.shaderFloat16 == VK_TRUE;
  f.int_dot = int_dot && features.int_dot.shaderIntegerDotProduct == VK_TRUE;
  f.subgroup_control = size_control && features.subgroups.subgroupSizeControl == VK_TRUE &&
                       features.subgroups.computeFullSubgroups == VK_TRUE &&
                       (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0;
  // What shaders with matrices are compiled to asks for the memory model, too; and when that is on, atomics
  // of others ask for its scope.
  if (has_matrices && features.matrices.cooperativeMatrix == VK_TRUE && f.f16 &&
      features.v12.vulkanMemoryModel == VK_TRUE && features.v12.vulkanMemoryModelDeviceScope == VK_TRUE &&
      (matrices.cooperativeMatrixSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0)
    f.matrices = matrix_shapes(instance, device, subgroup.subgroupSize);
  f.timestamps = p.limits.timestampComputeAndGraphics == VK_TRUE && features.v12.hostQueryReset == VK_TRUE;
  f.unusable = missing_feature(features);
  const VkSubgroupFeatureFlags needed =
      VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT | VK_SUBGROUP_FEATURE_QUAD_BIT;
  if (f.unusable.empty() && ((subgroup.supportedOperations & needed) != needed ||
                             (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) == 0))
    f.unusable = "the driver lacks sums over subgroups or exchange in quads";
  if (f.unusable.empty() && compute_queue_family(device) < 0) f.unusable = "it has no queue that computes";
  return f;
}

}  // namespace gannet
