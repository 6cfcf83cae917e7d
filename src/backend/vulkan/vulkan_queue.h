// The one queue of a device: what is submitted gets a number and is done in order. Thread-safe. When the
// device is lost, or did not answer for too long, nothing more is submitted and nobody waits again.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "backend/vulkan/vulkan_faults.h"
#include "backend/vulkan/vulkan_handles.h"

namespace gannet {

class VulkanQueue {
 public:
  VulkanQueue(VkDevice device, uint32_t family, double patience_seconds,
              std::shared_ptr<VulkanFaults> faults);
  ~VulkanQueue();
  Result<void> make();

  VkDevice device() const { return device_; }
  uint32_t family() const { return family_; }

  // Runs it behind all that was submitted before; the number to wait for. Errors: kDevice.
  Result<uint64_t> submit(VkCommandBuffer commands);
  bool done(uint64_t number) const;
  // Errors: kDevice: lost, or no answer for too long.
  Result<void> wait(uint64_t number) const;
  // All that was submitted.
  Result<void> wait_all() const;

  // Errors: kDevice once the device is lost or hung.
  Result<void> health() const;
  // Something may be running still that will never be over: nothing that it uses can be destroyed.
  bool hung() const;

 private:
  const VkDevice device_;
  const uint32_t family_;
  std::atomic<double> patience_seconds_;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkSemaphore done_ = VK_NULL_HANDLE;
  Error lost(Error error, bool hung) const;

  const std::shared_ptr<VulkanFaults> faults_;
  mutable std::mutex mutex_;  // of what follows
  uint64_t last_ = 0;
  mutable std::optional<Error> lost_;
  mutable bool hung_ = false;
};

// Work of all kinds before it is over, and seen by all kinds after it and by the host.
void full_barrier(VkCommandBuffer commands);

}  // namespace gannet
