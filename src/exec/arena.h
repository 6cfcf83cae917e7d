// Scratch memory of plans.
#pragma once

#include <memory>

#include "backend/api/device.h"

namespace gannet {

// Scratch memory shared by all plans of a session, on the device that they are for, grown to what the largest
// plan needs. Plans that share an arena must not run at the same time, and outputs live only until the next
// plan runs.
class Arena {
 public:
  explicit Arena(std::shared_ptr<Device> device) : device_(std::move(device)) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  // Errors: kOutOfMemory with the size.
  Result<void> reserve(int64_t bytes);
  Place at(int64_t offset) const { return memory_.at(offset); }
  int64_t size() const { return size_; }
  const std::shared_ptr<Device>& device() const { return device_; }

 private:
  std::shared_ptr<Device> device_;
  DeviceBuffer memory_;
  int64_t size_ = 0;
};

}  // namespace gannet
