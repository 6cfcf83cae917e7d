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

// Nothing when there is no device of this number.
Result<std::shared_ptr<Device>> open_vulkan_device(const std::string& number,
                                                   const std::string& cache_folder) {
  auto instance = GANNET_TRY(open_vulkan());
  const size_t n = vulkan_devices(*instance).size();
  size_t index = 0;
  while (index < n && number != std::to_string(index)) ++index;
  if (index == n) return std::shared_ptr<Device>();
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
    auto device = GANNET_TRY(open_vulkan_device(name.substr(kVulkan.size()), cache_folder));
    if (device != nullptr) return device;
  }
#else
  (void)cache_folder;
#endif
  return no_such_device(name);
}

}  // namespace gannet
