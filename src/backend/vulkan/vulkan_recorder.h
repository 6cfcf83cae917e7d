// A command buffer that is recorded once and submitted for every run.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/recorder.h"
#include "backend/vulkan/vulkan_pipelines.h"
#include "backend/vulkan/vulkan_queue.h"

namespace gannet {

class VulkanRecording final : public Recording {
 public:
  // The two must outlive it.
  VulkanRecording(VulkanQueue& queue, double tick_seconds) : queue_(queue), tick_seconds_(tick_seconds) {}
  ~VulkanRecording() override;
  Result<Event> replay() override;
  Result<std::span<const double>> marks() override;

 private:
  friend class VulkanRecorder;
  VulkanQueue& queue_;
  const double tick_seconds_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkQueryPool times_ = VK_NULL_HANDLE;
  uint32_t n_times_ = 0;
  uint64_t last_ = 0;  // number of the last replay
  std::vector<uint64_t> ticks_;
  std::vector<double> seconds_;
};

class VulkanRecorder final : public Recorder {
 public:
  // All must outlive it and its recording.
  VulkanRecorder(VulkanQueue& queue, VulkanPipelines& pipelines, const VulkanFacts& facts,
                 double tick_seconds, bool weights_in_planes);
  void dispatch(const Dispatch& dispatch) override;
  void barrier() override;
  void mark() override;
  bool weights_in_planes() const override { return planes_; }
  MatrixShape matrix_shape() const override { return matrix_shape_of(facts_); }
  Result<std::unique_ptr<Recording>> finish() override;

 private:
  Result<void> begin();
  Result<void> put(const Dispatch& dispatch);
  void note(const Result<void>& result);

  VulkanPipelines& pipelines_;
  const VulkanFacts& facts_;
  const bool planes_;
  std::unique_ptr<VulkanRecording> made_;
  VkPipeline bound_ = VK_NULL_HANDLE;
  bool dirty_ = false;  // there was a dispatch since the last barrier
  std::optional<Error> error_;
};

}  // namespace gannet
