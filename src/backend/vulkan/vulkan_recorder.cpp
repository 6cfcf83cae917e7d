#include "backend/vulkan/vulkan_recorder.h"

#include <fmt/core.h>

namespace gannet {
namespace {

constexpr uint32_t kMostMarks = 16384;

}  // namespace

VulkanRecording::~VulkanRecording() {
  // What is under way uses the command buffer.
  (void)queue_.wait(last_);
  if (queue_.hung()) return;
  const VkDevice device = queue_.device();
  if (times_ != VK_NULL_HANDLE) vkDestroyQueryPool(device, times_, nullptr);
  if (pool_ != VK_NULL_HANDLE) vkDestroyCommandPool(device, pool_, nullptr);
}

Result<Event> VulkanRecording::replay() {
  // A command buffer is submitted once at a time.
  if (!queue_.done(last_)) GANNET_TRY(queue_.wait(last_));
  if (n_times_ > 0) vkResetQueryPool(queue_.device(), times_, 0, n_times_);
  last_ = GANNET_TRY(queue_.submit(commands_));
  return Event{last_};
}

Result<std::span<const double>> VulkanRecording::marks() {
  if (n_times_ == 0) return std::span<const double>();
  ticks_.resize(n_times_);
  GANNET_VK(vkGetQueryPoolResults(queue_.device(), times_, 0, n_times_, ticks_.size() * sizeof(uint64_t),
                                  ticks_.data(), sizeof(uint64_t),
                                  VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
  seconds_.clear();
  for (size_t i = 1; i < ticks_.size(); ++i)
    seconds_.push_back(tick_seconds_ * static_cast<double>(ticks_[i] - ticks_[0]));
  return std::span<const double>(seconds_);
}

VulkanRecorder::VulkanRecorder(VulkanQueue& queue, VulkanPipelines& pipelines, const VulkanFacts& facts,
                               double tick_seconds, bool weights_in_planes)
    : pipelines_(pipelines),
      facts_(facts),
      planes_(weights_in_planes),
      made_(std::make_unique<VulkanRecording>(queue, tick_seconds)) {
  note(begin());
}

void VulkanRecorder::note(const Result<void>& result) {
  if (!result.ok() && !error_) error_ = result.error();
}

Result<void> VulkanRecorder::begin() {
  VulkanRecording& r = *made_;
  const VkDevice device = r.queue_.device();
  VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, 0, r.queue_.family()};
  GANNET_VK(vkCreateCommandPool(device, &pool, nullptr, &r.pool_));
  VkCommandBufferAllocateInfo buffer{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, r.pool_,
                                     VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  GANNET_VK(vkAllocateCommandBuffers(device, &buffer, &r.commands_));
  VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr};
  GANNET_VK(vkBeginCommandBuffer(r.commands_, &begin));
  full_barrier(r.commands_);
  return {};
}

Result<void> VulkanRecorder::put(const Dispatch& d) {
  for (const int64_t n : d.groups)
    if (n == 0) return {};
  GANNET_CHECK(d.constants.size() <= kMostConstants && d.arguments.size() <= kMostArgumentBytes &&
               d.arguments.size() % 4 == 0);
  if (d.groups[0] > facts_.most_groups || d.groups[1] > 65535 || d.groups[2] > 65535)
    return Error(ErrorCode::kDevice, fmt::format("{}: {} x {} x {} groups are more than the device takes",
                                                 d.shader, d.groups[0], d.groups[1], d.groups[2]));
  const VkPipeline pipeline = GANNET_TRY(pipelines_.get(d.shader, d.constants, d.subgroup));
  const VkCommandBuffer commands = made_->commands_;
  if (pipeline != bound_) vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  bound_ = pipeline;
  if (!d.arguments.empty())
    vkCmdPushConstants(commands, pipelines_.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0,
                       static_cast<uint32_t>(d.arguments.size()), d.arguments.data());
  vkCmdDispatch(commands, static_cast<uint32_t>(d.groups[0]), static_cast<uint32_t>(d.groups[1]),
                static_cast<uint32_t>(d.groups[2]));
  ++made_->counts_.dispatches;
  dirty_ = true;
  return {};
}

void VulkanRecorder::dispatch(const Dispatch& dispatch) {
  if (!error_) note(put(dispatch));
}

void VulkanRecorder::barrier() {
  if (error_ || !dirty_) return;
  const VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_SHADER_WRITE_BIT,
                                VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
  vkCmdPipelineBarrier(made_->commands_, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                       VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, nullptr, 0, nullptr);
  ++made_->counts_.barriers;
  dirty_ = false;
}

void VulkanRecorder::mark() {
  VulkanRecording& r = *made_;
  if (error_ || !facts_.timestamps || r.n_times_ == kMostMarks) return;
  if (r.times_ == VK_NULL_HANDLE) {
    VkQueryPoolCreateInfo info{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, nullptr};
    info.queryType = VK_QUERY_TYPE_TIMESTAMP;
    info.queryCount = kMostMarks;
    if (const VkResult result = vkCreateQueryPool(r.queue_.device(), &info, nullptr, &r.times_);
        result != VK_SUCCESS)
      return note(vulkan_error(result, "vkCreateQueryPool"));
  }
  vkCmdWriteTimestamp(r.commands_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, r.times_, r.n_times_++);
}

Result<std::unique_ptr<Recording>> VulkanRecorder::finish() {
  if (error_) return *error_;
  full_barrier(made_->commands_);
  GANNET_VK(vkEndCommandBuffer(made_->commands_));
  return std::unique_ptr<Recording>(std::move(made_));
}

}  // namespace gannet
