// What a Vulkan device is and can do, as plain numbers: for choosing one, for kernels, and for `gannet
// devices`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/api/matrix_shape.h"

namespace gannet {

struct VulkanHeap {
  int64_t bytes = 0;
  int64_t budget = 0;  // what this process may take of it now; 0: the driver does not tell
  bool device_local = false, host_visible = false;
};

struct VulkanFacts {
  enum class Type : uint8_t { kDiscrete, kIntegrated, kVirtual, kCpu, kOther };

  std::string name, driver;  // "NVIDIA H200", "Mesa 22.3.6 (LLVM 15.0.6)"
  std::string version;       // of Vulkan: "1.3.230"
  Type type = Type::kOther;
  std::string unusable;      // why it cannot be used; empty: it can
  bool unified = false;      // its memory is the host's
  bool host_import = false;  // takes memory of the host where it lies
  bool f16 = false, int_dot = false, timestamps = false;
  int subgroup_min = 0, subgroup_max = 0;
  bool subgroup_control = false;      // a program may ask for a size of its subgroups
  std::vector<MatrixShape> matrices;  // that kernels could use, as the driver lists them
  int64_t shared_bytes = 0;           // of a workgroup
  int64_t most_invocations = 0;       // of a workgroup
  int64_t most_allocation = 0;        // bytes of one allocation
  int64_t most_groups = 0;            // along the first axis of a dispatch
  int64_t host_import_align = 0;
  std::vector<VulkanHeap> heaps;
};

const char* vulkan_type_name(VulkanFacts::Type type);  // "discrete"

// The shape that kernels use: 16 x 16 x 16 if there is that, else the largest; each side is 8, 16 or 32.
MatrixShape matrix_shape_of(const VulkanFacts& facts);

// What figures that are measured on it are kept under: hardware and driver.
std::string device_key(const VulkanFacts& facts);

// Several lines for people.
std::string to_text(const VulkanFacts& facts);

}  // namespace gannet
