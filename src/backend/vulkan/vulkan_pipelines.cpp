#include "backend/vulkan/vulkan_pipelines.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/atomic_file.h"

namespace gannet {
namespace {

// What a driver keeps of a few hundred pipelines is a few megabytes.
constexpr size_t kMostFileBytes = size_t{256} << 20;

// What is not there or cannot be read is nothing: the file only saves time.
std::vector<char> read_if_there(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<char> bytes;
  if (path.empty() || !in) return bytes;
  bytes.assign(std::istreambuf_iterator<char>(in), {});
  if (bytes.size() > kMostFileBytes) bytes.clear();
  return bytes;
}

}  // namespace

VulkanPipelines::VulkanPipelines(VkDevice device, ShaderLookup shaders, std::string file,
                                 bool subgroup_control)
    : device_(device),
      shaders_(std::move(shaders)),
      file_(std::move(file)),
      subgroup_control_(subgroup_control) {}

VulkanPipelines::~VulkanPipelines() {
  for (const auto& [key, pipeline] : pipelines_) vkDestroyPipeline(device_, pipeline, nullptr);
  for (const auto& [name, module] : modules_) vkDestroyShaderModule(device_, module, nullptr);
  if (cache_ != VK_NULL_HANDLE) vkDestroyPipelineCache(device_, cache_, nullptr);
  if (layout_ != VK_NULL_HANDLE) vkDestroyPipelineLayout(device_, layout_, nullptr);
}

Result<void> VulkanPipelines::make() {
  // Arguments are the only thing that a shader is given: addresses are among them.
  const VkPushConstantRange arguments{VK_SHADER_STAGE_COMPUTE_BIT, 0, kMostArgumentBytes};
  VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, nullptr};
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &arguments;
  GANNET_VK(vkCreatePipelineLayout(device_, &layout, nullptr, &layout_));
  // The driver checks the header, and takes data of another driver for none.
  const std::vector<char> stored = read_if_there(file_);
  VkPipelineCacheCreateInfo cache{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, nullptr, 0, stored.size(),
                                  stored.data()};
  if (vkCreatePipelineCache(device_, &cache, nullptr, &cache_) == VK_SUCCESS) return {};
  cache.initialDataSize = 0;
  GANNET_VK(vkCreatePipelineCache(device_, &cache, nullptr, &cache_));
  return {};
}

Result<VkShaderModule> VulkanPipelines::module(const std::string& shader) {
  const auto found = modules_.find(shader);
  if (found != modules_.end()) return found->second;
  const std::span<const uint32_t> code = shaders_ ? shaders_(shader) : std::span<const uint32_t>();
  if (code.empty())
    return Error(ErrorCode::kDevice,
                 fmt::format("this build has no shader \"{}\"; it was made without glslc", shader));
  VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, nullptr, 0, code.size_bytes(),
                                code.data()};
  VkShaderModule module = VK_NULL_HANDLE;
  if (const VkResult r = vkCreateShaderModule(device_, &info, nullptr, &module); r != VK_SUCCESS)
    return vulkan_error(r, fmt::format("reading shader \"{}\"", shader).c_str());
  return modules_[shader] = module;
}

Result<VkPipeline> VulkanPipelines::get(const char* shader, std::span<const uint32_t> constants,
                                        uint32_t subgroup) {
  std::pair<std::string, std::vector<uint32_t>> key(shader, {constants.begin(), constants.end()});
  const std::lock_guard lock(mutex_);
  if (const auto found = pipelines_.find(key); found != pipelines_.end()) return found->second;
  std::vector<VkSpecializationMapEntry> entries;
  for (uint32_t i = 0; i < constants.size(); ++i) entries.push_back({i, 4 * i, 4});
  const VkSpecializationInfo special{static_cast<uint32_t>(entries.size()), entries.data(),
                                     constants.size_bytes(), constants.data()};
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, nullptr};
  info.stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, nullptr};
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = GANNET_TRY(module(key.first));
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = &special;
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size{
      VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO, nullptr, subgroup};
  if (subgroup > 0 && subgroup_control_) {
    info.stage.pNext = &size;
    info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
  }
  info.layout = layout_;
  VkPipeline pipeline = VK_NULL_HANDLE;
  if (const VkResult r = vkCreateComputePipelines(device_, cache_, 1, &info, nullptr, &pipeline);
      r != VK_SUCCESS)
    return vulkan_error(
        r, fmt::format("compiling shader \"{}\" ({})", shader, fmt::join(constants, ", ")).c_str());
  return pipelines_[std::move(key)] = pipeline;
}

Result<void> VulkanPipelines::save() const {
  if (file_.empty() || pipelines_.empty()) return {};
  size_t n = 0;
  GANNET_VK(vkGetPipelineCacheData(device_, cache_, &n, nullptr));
  std::string bytes(n, '\0');
  GANNET_VK(vkGetPipelineCacheData(device_, cache_, &n, bytes.data()));
  bytes.resize(n);
  return write_file(file_, bytes);
}

}  // namespace gannet
