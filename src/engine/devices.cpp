#include "engine/devices.h"

#include <filesystem>

#include <fmt/format.h>

#include "base/thread_team.h"
#include "engine/device_figures.h"
#include "engine/device_probe.h"
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

// Whether the system shows any GPU. The loader is not opened to find only a driver for CPUs, which would take
// time and memory of every start.
bool may_have_gpu() {
#if defined(__linux__)
  namespace fs = std::filesystem;
  std::error_code problem;
  for (const char* node : {"/dev/nvidiactl", "/dev/dxg", "/dev/kgsl-3d0", "/dev/mali0"})
    if (fs::exists(node, problem)) return true;
  for (const fs::directory_entry& entry : fs::directory_iterator("/dev/dri", problem))
    if (entry.path().filename().string().starts_with("renderD")) return true;
  return false;
#else
  return true;
#endif
}

}  // namespace

Result<std::vector<FoundDevice>> find_devices() {
#ifdef GANNET_VULKAN
  const auto instance = GANNET_TRY(open_vulkan());
  std::vector<FoundDevice> found;
  for (const VulkanFacts& facts : vulkan_devices(*instance))
    found.push_back({fmt::format("{}{}", kVulkan, found.size()), to_text(facts), facts.unusable,
                     device_key(facts), facts.type == VulkanFacts::Type::kCpu});
  if (found.empty())
    return Error(ErrorCode::kDevice, "there is a Vulkan loader, but its drivers know no device");
  return found;
#else
  return Error(ErrorCode::kDevice, "this program was built without a GPU back end");
#endif
}

std::string fastest_device(const std::string& cache_folder, std::vector<std::string>& notes) {
  if (!may_have_gpu()) return "cpu";
  auto found = find_devices();
  if (!found.ok()) return "cpu";
  std::erase_if(*found, [](const FoundDevice& device) { return device.is_cpu || !device.unusable.empty(); });
  if (found->empty()) return "cpu";
  DeviceFigures figures(device_figures_path(cache_folder));
  auto team = ThreadTeam::create(ThreadTeam::default_threads({}), {});
  if (!team.ok()) return "cpu";
  const auto speed = [&](const std::string& key, const std::string& name, double enough) -> double {
    if (const auto known = figures.bytes_per_second(key)) return *known;
    auto device = open_device(name, cache_folder);
    auto bytes = device.ok() ? weight_bytes_per_second(device.take(), **team, enough)
                             : Result<double>(device.take_error());
    if (!bytes.ok()) {
      notes.push_back(fmt::format("{} is not used: {}", name, bytes.error().message()));
      return 0;
    }
    figures.set_bytes_per_second(key, *bytes);
    return *bytes;
  };
  std::string best = "cpu";
  double most = speed("cpu", "cpu", 0);
  for (const FoundDevice& device : *found)
    if (const double its = speed(device.key, device.name, most); its > most) {
      best = device.name;
      most = its;
    }
  return best;
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
