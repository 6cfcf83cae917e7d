// A GPU, or whatever else speaks Vulkan 1.2 with addresses of buffers, as a device: one queue, on which
// copies and recordings follow each other; no second memory where the host's is the device's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "backend/api/device.h"
#include "backend/api/recorder.h"
#include "backend/vulkan/vulkan_facts.h"
#include "backend/vulkan/vulkan_faults.h"
#include "backend/vulkan/vulkan_instance.h"

namespace gannet {

// SPIR-V by name; empty: there is no such shader in this build.
using ShaderLookup = std::function<std::span<const uint32_t>(std::string_view name)>;

struct VulkanDeviceOptions {
  ShaderLookup shaders;
  // Compiled shaders are kept in this file between processes; empty: nowhere. It is replaced as a whole when
  // the device is closed, if it can be; one that the driver does not know is ignored.
  std::string pipeline_file;
  // As if the host did not see the device's memory: everything goes through staging memory. For tests.
  bool staged = false;
  // Whether weights are put in planes when they are copied (Device::weights_in_planes()). Not set: where the
  // device does not use the host's memory. For tests.
  std::optional<bool> planes;
  // Each buffer lies by itself between pages that nobody may touch and ends at the second of them (to 64
  // bytes): what a kernel or copy does outside of it is a signal, where the device is the CPU. Needs a device
  // that takes memory of the host. For tests.
  bool guarded = false;
  // A device that does not answer for so long is taken for hung; drivers that compute on the CPU, and compile
  // when something first runs, have ten times as long.
  double patience_seconds = 120;
  std::shared_ptr<VulkanFaults> faults;  // for tests; null: none are forced
};

// Thread-safe but for recordings, each of which one thread uses at a time.
class VulkanDevice : public Device {
 public:
  // Errors: kDevice (what the device lacks), kOutOfMemory.
  static Result<std::unique_ptr<VulkanDevice>> open(std::shared_ptr<VulkanInstance> instance, size_t index,
                                                    VulkanDeviceOptions options);

  virtual const VulkanFacts& facts() const = 0;

 protected:
  using Device::Device;
};

}  // namespace gannet
