// Recorded kernels on the data of cases: the memory of the host is copied to a device, a kernel is recorded
// and replayed there, and the copies come back.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/recorder.h"
#include "backend/api/state_view.h"

namespace gannet {

class DeviceCopies {
 public:
  explicit DeviceCopies(Device& device) : device_(&device), borrowed_(&device, [](Device*) {}) {}

  // Copies bytes to the device, as aligned there as here. They must stay. Errors: the device's.
  Result<void> add(std::span<std::byte> bytes);
  // Bytes that are only there: filled by who gets their address. Errors: the device's.
  using Fill = std::function<void(std::byte* there, std::span<std::byte> bytes)>;
  Result<std::byte*> send(int64_t n, const Fill& fill);
  // Where the copy of a place is; null of null.
  std::byte* on_device(const std::byte* host) const;
  // Copies all that was added back.
  Result<void> bring_back();

  Device& device() const { return *device_; }

 private:
  struct Copied {
    std::span<std::byte> host;
    DeviceBuffer buffer;
    int64_t shift;
    std::byte* device;
  };
  Device* device_;
  std::shared_ptr<Device> borrowed_;
  std::vector<Copied> all_;
  std::vector<DeviceBuffer> sent_;
};

// While it lives, weights among the operands are in memory of the host as kernels of the device look for them
// (Device::weights_in_planes()), for who copies them as they are.
class OperandsInPlanes {
 public:
  OperandsInPlanes(std::span<const TensorView> operands, const Device& device);
  ~OperandsInPlanes();
  OperandsInPlanes(const OperandsInPlanes&) = delete;
  OperandsInPlanes& operator=(const OperandsInPlanes&) = delete;

 private:
  std::vector<std::pair<std::span<std::byte>, std::vector<std::byte>>> before_;  // places, what was there
};

// A use of a kernel; all addresses are of memory that was added. State operands point at views of the host.
struct RecordedUse {
  std::span<const TensorView> operands, results;
  const void* attrs;
  std::byte* workspace;
  StepRows rows;
  StepView step;
  int64_t page_tokens = 0;  // 0: no KV cache
};

// Errors: the device's.
Result<RecordingCounts> record_and_replay(const KernelInfo& kernel, DeviceCopies& memory,
                                          const RecordedUse& use);

}  // namespace gannet
