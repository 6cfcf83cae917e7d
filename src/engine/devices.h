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
  std::string key;       // hardware and driver
  bool is_cpu = false;   // a driver that computes on the CPU
};

// All but the CPU. Errors: kDevice: a whole sentence on why there is none, with the remedy.
Result<std::vector<FoundDevice>> find_devices();

// The fastest device at weight_bytes_per_second(), "cpu" if none is faster than that. Drivers that compute on
// the CPU are not tried. What was measured is kept in `cache_folder` (empty: nowhere) until hardware or
// driver change. Never fails: a device that cannot be opened is not chosen, and `notes` gets why.
std::string fastest_device(const std::string& cache_folder, std::vector<std::string>& notes);

// Null for "cpu". Compiled kernels are kept in `cache_folder` (empty: nowhere). Errors: kUsage for a name
// that there is not, with those that there are; kDevice and kOutOfMemory from the driver.
Result<std::shared_ptr<Device>> open_device(const std::string& name, const std::string& cache_folder);

}  // namespace gannet
