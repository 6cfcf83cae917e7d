#include "backend/vulkan/vulkan_queue.h"

#include <fmt/core.h>

namespace gannet {

VulkanQueue::VulkanQueue(VkDevice device, uint32_t family, double patience_seconds,
                         std::shared_ptr<VulkanFaults> faults)
    : device_(device), family_(family), patience_seconds_(patience_seconds), faults_(std::move(faults)) {
  vkGetDeviceQueue(device_, family_, 0, &queue_);
}

VulkanQueue::~VulkanQueue() {
  if (done_ != VK_NULL_HANDLE) vkDestroySemaphore(device_, done_, nullptr);
}

Result<void> VulkanQueue::make() {
  VkSemaphoreTypeCreateInfo timeline{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, nullptr,
                                     VK_SEMAPHORE_TYPE_TIMELINE, 0};
  VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &timeline, 0};
  GANNET_VK(vkCreateSemaphore(device_, &info, nullptr, &done_));
  return {};
}

Result<uint64_t> VulkanQueue::submit(VkCommandBuffer commands) {
  GANNET_TRY(health());
  std::unique_lock lock(mutex_);
  const uint64_t number = last_ + 1;
  VkTimelineSemaphoreSubmitInfo values{
      VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO, nullptr, 0, nullptr, 1, &number};
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO, &values};
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &done_;
  last_ = number;
  VkResult result = VK_SUCCESS;
  if (faults_ != nullptr && VulkanFaults::once(faults_->lost))
    result = VK_ERROR_DEVICE_LOST;
  else if (faults_ != nullptr && VulkanFaults::once(faults_->hung))
    patience_seconds_ = 2;
  else if (faults_ == nullptr || !faults_->nothing_runs)
    result = vkQueueSubmit(queue_, 1, &info, VK_NULL_HANDLE);
  lock.unlock();
  if (result != VK_SUCCESS) return lost(vulkan_error(result, "vkQueueSubmit"), false);
  return number;
}

Error VulkanQueue::lost(Error error, bool hung) const {
  const std::lock_guard lock(mutex_);
  if (!lost_) lost_ = std::move(error);
  hung_ = hung_ || hung;
  return *lost_;
}

Result<void> VulkanQueue::health() const {
  const std::lock_guard lock(mutex_);
  if (lost_) return *lost_;
  return {};
}

bool VulkanQueue::hung() const {
  const std::lock_guard lock(mutex_);
  return hung_;
}

bool VulkanQueue::done(uint64_t number) const {
  uint64_t reached = 0;
  return number == 0 ||
         (vkGetSemaphoreCounterValue(device_, done_, &reached) == VK_SUCCESS && reached >= number);
}

Result<void> VulkanQueue::wait(uint64_t number) const {
  if (number == 0 || (faults_ != nullptr && faults_->nothing_runs)) return {};
  GANNET_TRY(health());
  VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, nullptr, 0, 1, &done_, &number};
  const VkResult result = vkWaitSemaphores(device_, &info, static_cast<uint64_t>(1e9 * patience_seconds_));
  if (result == VK_TIMEOUT)
    return lost(Error(ErrorCode::kDevice, fmt::format("the Vulkan device has not answered for {:g} seconds",
                                                      patience_seconds_.load())),
                true);
  if (result != VK_SUCCESS) return lost(vulkan_error(result, "vkWaitSemaphores"), false);
  return {};
}

Result<void> VulkanQueue::wait_all() const {
  uint64_t last = 0;
  {
    const std::lock_guard lock(mutex_);
    last = last_;
  }
  return wait(last);
}

void full_barrier(VkCommandBuffer commands) {
  constexpr VkPipelineStageFlags kStages =
      VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_HOST_BIT;
  const VkMemoryBarrier barrier{
      VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr,
      VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_HOST_WRITE_BIT,
      VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT |
          VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT};
  vkCmdPipelineBarrier(commands, kStages, kStages, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

}  // namespace gannet
