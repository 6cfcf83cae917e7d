// What kernels of a device that replays recordings know about the sequences of a step
// (backend/api/device_step.h): one piece of the device's memory, written before every run and read by all
// plans of a session.
#pragma once

#include <memory>

#include "backend/api/device.h"
#include "backend/api/state_view.h"

namespace gannet {

class StepBlock {
 public:
  StepBlock() = default;
  // Room for so many pages of all sequences together. Errors: kOutOfMemory.
  static Result<StepBlock> make(std::shared_ptr<Device> device, int64_t n_pages);

  Place place() const { return buffer_.at(0); }
  // For the runs that begin from here on, none of which may be in progress. Errors: kRuntime for more
  // sequences than kMostDeviceSegments, kDevice.
  Result<void> write(const StepView& step, int64_t page_tokens);

 private:
  std::shared_ptr<Device> device_;
  DeviceBuffer buffer_;
  int64_t bytes_ = 0;
  std::unique_ptr<std::byte[]> copy_;  // null: the host sees the buffer
};

}  // namespace gannet
