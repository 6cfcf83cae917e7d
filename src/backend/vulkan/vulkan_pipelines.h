// Pipelines of a device: made when a recording first needs them, kept, and known to the next process by a
// file. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "backend/vulkan/vulkan_device.h"
#include "backend/vulkan/vulkan_handles.h"

namespace gannet {

class VulkanPipelines {
 public:
  // Reads the file, if there is one. `subgroup_control`: the device was opened with it.
  VulkanPipelines(VkDevice device, ShaderLookup shaders, std::string file, bool subgroup_control);
  ~VulkanPipelines();
  Result<void> make();

  VkPipelineLayout layout() const { return layout_; }
  // `subgroup`: invocations of its subgroups, asked for where the device lets, always the same for a shader;
  // 0: as it likes. Errors: kDevice: no such shader in this build, or what the driver says about it.
  Result<VkPipeline> get(const char* shader, std::span<const uint32_t> constants, uint32_t subgroup = 0);
  // Writes the file if there is one and pipelines were made. Errors: of writing.
  Result<void> save() const;

 private:
  Result<VkShaderModule> module(const std::string& shader);

  const VkDevice device_;
  const ShaderLookup shaders_;
  const std::string file_;
  const bool subgroup_control_;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipelineCache cache_ = VK_NULL_HANDLE;
  mutable std::mutex mutex_;  // of what follows
  std::map<std::string, VkShaderModule> modules_;
  std::map<std::pair<std::string, std::vector<uint32_t>>, VkPipeline> pipelines_;
};

}  // namespace gannet
