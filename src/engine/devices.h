// The devices of this machine by name: "cpu", and "vulkan0" and so on as the driver lists them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/api/device.h"

namespace gannet {

struct FoundDevice {
  std::string name;
  std::string text;      // what it is and can do, several lines for people
  std::string unusable;  // why no model runs on it; empty: one can
};

// All but the CPU. Errors: kDevice: a whole sentence on why there is none, with the remedy.
Result<std::vector<FoundDevice>> find_devices();

// Null for "cpu". Compiled kernels are kept in `cache_folder` (empty: nowhere). Errors: kUsage for a name
// that there is not, with those that there are; kDevice and kOutOfMemory from the driver.
Result<std::shared_ptr<Device>> open_device(const std::string& name, const std::string& cache_folder);

}  // namespace gannet
