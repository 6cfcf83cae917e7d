#include "engine/devices.h"

#include <fmt/format.h>

#include "ops/catalogue.h"
#ifdef GANNET_VULKAN
#include "backend/vulkan/vulkan_device.h"
#endif

namespace gannet {
namespace {

#ifdef GANNET_VULKAN

constexpr std::string_view kVulkan = "vulkan";

Result<std::shared_ptr<Device>> open_vulkan_device(size_t index, const std::string& cache_folder) {
  auto instance = GANNET_TRY(open_vulkan());
  VulkanDeviceOptions options;
  options.shaders = shader_code;
  if (!cache_folder.empty())
    options.pipeline_file = fmt::format("{}/vulkan{}.pipelines", cache_folder, index);
  auto device = GANNET_TRY(VulkanDevice::open(std::move(instance), index, std::move(options)));
  return std::shared_ptr<Device>(std::move(device));
}

#endif

Error no_such_device(const std::string& name) {
  std::string names = "cpu";
  if (const auto found = find_devices(); found.ok())
    for (const FoundDevice& device : *found)
      if (device.unusable.empty()) names += ", " + device.name;
  return {ErrorCode::kUsage, fmt::format("there is no device \"{}\"; there are: {}", name, names)};
}

}  // namespace

Result<std::vector<FoundDevice>> find_devices() {
#ifdef GANNET_VULKAN
  const auto instance = GANNET_TRY(open_vulkan());
  std::vector<FoundDevice> found;
  for (const VulkanFacts& facts : vulkan_devices(*instance))
    found.push_back({fmt::format("{}{}", kVulkan, found.size()), to_text(facts), facts.unusable});
  if (found.empty())
    return Error(ErrorCode::kDevice, "there is a Vulkan loader, but its drivers know no device");
  return found;
#else
  return Error(ErrorCode::kDevice, "this program was built without a GPU back end");
#endif
}

Result<std::shared_ptr<Device>> open_device(const std::string& name, const std::string& cache_folder) {
  if (name == "cpu") return std::shared_ptr<Device>();
#ifdef GANNET_VULKAN
  if (name.starts_with(kVulkan)) {
    const std::string digits = name.substr(kVulkan.size());
    const auto found = GANNET_TRY(find_devices());
    for (size_t i = 0; i < found.size(); ++i)
      if (digits == std::to_string(i)) return open_vulkan_device(i, cache_folder);
  }
#else
  (void)cache_folder;
#endif
  return no_such_device(name);
}

}  // namespace gannet
