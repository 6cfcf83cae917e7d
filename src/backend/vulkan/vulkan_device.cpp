#include "backend/vulkan/vulkan_device.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/core.h>

#include "backend/vulkan/vulkan_memory.h"
#include "backend/vulkan/vulkan_recorder.h"
#include "tensor/planes.h"

namespace gannet {
namespace {

// Memory that the host does not see is filled and read through two halves of this.
constexpr int64_t kStagingBytes = int64_t{16} << 20;

// Owns the handle of a device: declared first, destroyed last.
struct LogicalDevice {
  VkDevice handle = VK_NULL_HANDLE;
  LogicalDevice() = default;
  LogicalDevice(const LogicalDevice&) = delete;
  LogicalDevice& operator=(const LogicalDevice&) = delete;
  ~LogicalDevice() {
    if (handle == VK_NULL_HANDLE) return;
    vkDeviceWaitIdle(handle);
    vkDestroyDevice(handle, nullptr);
  }
};

// A few command buffers for copies, used in turns.
class Copies {
 public:
  explicit Copies(VulkanQueue& queue) : queue_(queue) {}
  ~Copies() {
    for (const Turn& turn : turns_) (void)queue_.wait(turn.number);
    if (pool_ != VK_NULL_HANDLE) vkDestroyCommandPool(queue_.device(), pool_, nullptr);
  }
  Result<void> make() {
    VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr,
                                 VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT, queue_.family()};
    GANNET_VK(vkCreateCommandPool(queue_.device(), &pool, nullptr, &pool_));
    for (Turn& turn : turns_) {
      VkCommandBufferAllocateInfo buffer{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool_,
                                         VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
      GANNET_VK(vkAllocateCommandBuffers(queue_.device(), &buffer, &turn.commands));
    }
    return {};
  }
  // Submits what `record(commands)` puts there.
  template <class F>
  Result<uint64_t> run(F record) {
    Turn& turn = turns_[next_++ % turns_.size()];
    GANNET_TRY(queue_.wait(turn.number));
    VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr,
                                   VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT, nullptr};
    GANNET_VK(vkBeginCommandBuffer(turn.commands, &begin));
    full_barrier(turn.commands);
    record(turn.commands);
    full_barrier(turn.commands);
    GANNET_VK(vkEndCommandBuffer(turn.commands));
    return turn.number = GANNET_TRY(queue_.submit(turn.commands));
  }

 private:
  struct Turn {
    VkCommandBuffer commands = VK_NULL_HANDLE;
    uint64_t number = 0;
  };
  VulkanQueue& queue_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  std::array<Turn, 4> turns_;
  size_t next_ = 0;
};

class OpenVulkanDevice final : public VulkanDevice {
 public:
  OpenVulkanDevice(std::shared_ptr<VulkanInstance> instance, size_t index, VulkanFacts facts)
      : VulkanDevice(fmt::format("vulkan{}", index), DeviceKind::kVulkan),
        instance_(std::move(instance)),
        physical_(instance_->devices[index]),
        facts_(std::move(facts)) {}
  ~OpenVulkanDevice() override {
    // What a device that does not answer may still use stays; the driver keeps its own until the process
    // ends.
    if (queue_ != nullptr && queue_->hung()) {
      (void)new std::shared_ptr<VulkanInstance>(instance_);
      (void)copies_.release();
      (void)pipelines_.release();
      (void)queue_.release();
      (void)memory_.release();
      device_.handle = VK_NULL_HANDLE;
      return;
    }
    // The file only saves time: whether it can be written is nobody's business.
    if (pipelines_ != nullptr && queue_->health().ok()) (void)pipelines_->save();
    if (staging_ != nullptr) memory_->free(staging_);
  }

  Result<void> make(VulkanDeviceOptions options);

  const VulkanFacts& facts() const override { return facts_; }
  const Capabilities& capabilities() const override { return capabilities_; }
  uint32_t features() const override {
    return (facts_.int_dot ? uint32_t{kIntDot} : 0) |
           (matrix_shape_of(facts_).m > 0 ? uint32_t{kMatrixProducts} : 0);
  }
  std::byte* host_view(Place place) const override { return memory_->find(address(place)).host; }
  Result<void> health() const override { return queue_->health(); }
  bool done(Event event) const override { return queue_->done(event.number); }
  Result<void> wait(Event event) override { return queue_->wait(event.number); }
  std::unique_ptr<Recorder> record() override {
    return std::make_unique<VulkanRecorder>(*queue_, *pipelines_, facts_, tick_seconds_, planes_);
  }

 protected:
  std::byte* make_buffer(int64_t bytes, BufferUse use) override;
  void drop_buffer(std::byte* address, int64_t) override {
    if (!queue_->hung()) memory_->free(address);
  }
  Result<std::byte*> take_host(std::span<const std::byte> bytes) override { return memory_->import(bytes); }
  void drop_host(std::byte* address, int64_t) override { drop_buffer(address, 0); }
  Result<Event> write(std::byte* to, std::span<const std::byte> from) override;
  Result<Event> write_planes(std::byte* to, std::span<const std::byte> from, DType type, int64_t n) override;
  Result<Event> read(const std::byte* from, std::span<std::byte> to) override;
  Result<Event> move(const std::byte* from, std::byte* to, int64_t bytes) override;
  Result<Event> clear(std::byte* at, int64_t bytes) override;
  int64_t limit() const override { return memory_->limit(); }
  bool uses_host_memory() const override { return facts_.host_import && facts_.unified; }
  int64_t largest_buffer() const override { return facts_.most_allocation; }
  bool weights_in_planes() const override { return planes_; }

 private:
  struct Half {
    std::byte* host = nullptr;
    VulkanPlace place;
    uint64_t number = 0;
  };
  Result<Half*> next_half();
  template <class Fill>
  Result<Event> write_parts(std::byte* to, size_t bytes, size_t unit, Fill fill);

  const std::shared_ptr<VulkanInstance> instance_;
  const VkPhysicalDevice physical_;
  const VulkanFacts facts_;
  // The kernel of delta_mixer has chunks of its own.
  const Capabilities capabilities_{.delta_mixer_tokens = std::numeric_limits<int64_t>::max()};
  double tick_seconds_ = 0;
  bool planes_ = false;
  LogicalDevice device_;
  std::shared_ptr<VulkanFaults> faults_;
  std::unique_ptr<VulkanMemory> memory_;
  std::unique_ptr<VulkanQueue> queue_;
  std::unique_ptr<VulkanPipelines> pipelines_;
  std::mutex copy_mutex_;  // of what follows
  std::unique_ptr<Copies> copies_;
  std::byte* staging_ = nullptr;
  std::array<Half, 2> halves_;
  size_t next_half_ = 0;
};

Result<void> OpenVulkanDevice::make(VulkanDeviceOptions options) {
  VulkanFeatures there, wanted;
  const bool int_dot = facts_.int_dot;
  const bool matrices = !facts_.matrices.empty();
  if (int_dot) wanted.chain(wanted.int_dot);
  if (matrices) wanted.chain(wanted.matrices);
  if (matrices && facts_.subgroup_control) wanted.chain(wanted.subgroups);
  vkGetPhysicalDeviceFeatures2(physical_, &there.all);
  wanted.all.features.shaderInt16 = VK_TRUE;
  wanted.v11.storageBuffer16BitAccess = VK_TRUE;
  wanted.v12.storageBuffer8BitAccess = wanted.v12.shaderInt8 = VK_TRUE;
  wanted.v12.bufferDeviceAddress = wanted.v12.timelineSemaphore = wanted.v12.scalarBlockLayout = VK_TRUE;
  wanted.v12.shaderFloat16 = there.v12.shaderFloat16;
  wanted.v12.hostQueryReset = there.v12.hostQueryReset;
  wanted.int_dot.shaderIntegerDotProduct = int_dot ? VK_TRUE : VK_FALSE;
  wanted.matrices.cooperativeMatrix = matrices ? VK_TRUE : VK_FALSE;
  wanted.v12.vulkanMemoryModel = wanted.v12.vulkanMemoryModelDeviceScope = matrices ? VK_TRUE : VK_FALSE;
  wanted.subgroups.subgroupSizeControl = wanted.subgroups.computeFullSubgroups = VK_TRUE;
  std::vector<const char*> extensions;
  const auto all = device_extensions(physical_);
  if (int_dot) extensions.push_back(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  if (matrices) extensions.push_back(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
  if (matrices && facts_.subgroup_control) extensions.push_back(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  if (facts_.host_import) extensions.push_back(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  if (has_extension(all, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME))
    extensions.push_back(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  // A driver that has this one demands that it is asked for.
  if (has_extension(all, "VK_KHR_portability_subset")) extensions.push_back("VK_KHR_portability_subset");
  const float priority = 1;
  const auto family = static_cast<uint32_t>(compute_queue_family(physical_));
  VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, nullptr, 0, family, 1, &priority};
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, &wanted.all};
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  GANNET_VK(vkCreateDevice(physical_, &info, nullptr, &device_.handle));
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(physical_, &properties);
  tick_seconds_ = 1e-9 * static_cast<double>(properties.limits.timestampPeriod);
  memory_ = std::make_unique<VulkanMemory>(physical_, device_.handle, facts_, options.guarded);
  const double patience = options.patience_seconds * (facts_.type == VulkanFacts::Type::kCpu ? 10 : 1);
  queue_ = std::make_unique<VulkanQueue>(device_.handle, family, patience, options.faults);
  GANNET_TRY(queue_->make());
  faults_ = options.faults;
  planes_ = options.planes.value_or(!uses_host_memory());
  pipelines_ = std::make_unique<VulkanPipelines>(device_.handle, std::move(options.shaders),
                                                 std::move(options.pipeline_file),
                                                 matrices && facts_.subgroup_control);
  GANNET_TRY(pipelines_->make());
  copies_ = std::make_unique<Copies>(*queue_);
  return copies_->make();
}

std::byte* OpenVulkanDevice::make_buffer(int64_t bytes, BufferUse use) {
  if (faults_ != nullptr && VulkanFaults::from_there(faults_->no_memory)) return nullptr;
  std::byte* address = memory_->allocate(bytes, use);
  if (address == nullptr) return nullptr;
  // Zeroed to the end of the piece: clear() takes whole words.
  const auto cleared = clear(address, (bytes + 3) / 4 * 4);
  if (cleared.ok() && wait(*cleared).ok()) return address;
  memory_->free(address);
  return nullptr;
}

Result<OpenVulkanDevice::Half*> OpenVulkanDevice::next_half() {
  if (staging_ == nullptr) {
    staging_ = memory_->allocate(kStagingBytes, BufferUse::kReadback);
    if (staging_ == nullptr)
      return Error(ErrorCode::kOutOfMemory,
                   fmt::format("{}: no memory for copies ({} bytes)", name(), kStagingBytes));
    for (size_t i = 0; i < halves_.size(); ++i) {
      halves_[i].place = memory_->find(staging_ + static_cast<int64_t>(i) * kStagingBytes / 2);
      halves_[i].host = halves_[i].place.host;
    }
  }
  Half& half = halves_[next_half_++ % halves_.size()];
  GANNET_TRY(queue_->wait(half.number));
  return &half;
}

// fill(part, at): what goes to byte `at` and on, as many bytes as the part has; whole units, if there is
// staging memory.
template <class Fill>
Result<Event> OpenVulkanDevice::write_parts(std::byte* to, size_t bytes, size_t unit, Fill fill) {
  if (bytes == 0) return Event{};
  const VulkanPlace place = memory_->find(to);
  if (place.host != nullptr) {
    GANNET_TRY(queue_->wait_all());
    fill(std::span(place.host, bytes), size_t{0});
    return Event{};
  }
  const size_t most = static_cast<size_t>(kStagingBytes / 2) / unit * unit;
  GANNET_CHECK(most > 0, "a row that is larger than staging memory");
  const std::lock_guard lock(copy_mutex_);
  uint64_t number = 0;
  for (size_t at = 0; at < bytes;) {
    Half* half = GANNET_TRY(next_half());
    const size_t n = std::min(bytes - at, most);
    fill(std::span(half->host, n), at);
    const VkBufferCopy copy{half->place.offset, place.offset + at, n};
    number = half->number = GANNET_TRY(copies_->run(
        [&](VkCommandBuffer c) { vkCmdCopyBuffer(c, half->place.buffer, place.buffer, 1, &copy); }));
    at += n;
  }
  return Event{number};
}

Result<Event> OpenVulkanDevice::write(std::byte* to, std::span<const std::byte> from) {
  return write_parts(to, from.size(), 1, [&](std::span<std::byte> part, size_t at) {
    std::memcpy(part.data(), from.data() + at, part.size());
  });
}

Result<Event> OpenVulkanDevice::write_planes(std::byte* to, std::span<const std::byte> from, DType type,
                                             int64_t n) {
  return write_parts(to, from.size(), static_cast<size_t>(row_bytes(type, n)),
                     [&](std::span<std::byte> part, size_t at) {
                       blocks_to_planes(type, n, from.subspan(at, part.size()), part.data(),
                                        reinterpret_cast<uintptr_t>(to) + at);
                     });
}

Result<Event> OpenVulkanDevice::read(const std::byte* from, std::span<std::byte> to) {
  if (to.empty()) return Event{};
  const VulkanPlace place = memory_->find(from);
  if (place.host != nullptr) {
    GANNET_TRY(queue_->wait_all());
    std::memcpy(to.data(), place.host, to.size());
    return Event{};
  }
  const std::lock_guard lock(copy_mutex_);
  for (size_t at = 0; at < to.size();) {
    Half* half = GANNET_TRY(next_half());
    const size_t n = std::min(to.size() - at, static_cast<size_t>(kStagingBytes / 2));
    const VkBufferCopy copy{place.offset + at, half->place.offset, n};
    half->number = GANNET_TRY(copies_->run(
        [&](VkCommandBuffer c) { vkCmdCopyBuffer(c, place.buffer, half->place.buffer, 1, &copy); }));
    GANNET_TRY(queue_->wait(half->number));
    std::memcpy(to.data() + at, half->host, n);
    at += n;
  }
  return Event{};
}

Result<Event> OpenVulkanDevice::move(const std::byte* from, std::byte* to, int64_t bytes) {
  if (bytes == 0 || from == to) return Event{};
  GANNET_CHECK(from + bytes <= to || to + bytes <= from, "a copy onto itself");
  const VulkanPlace here = memory_->find(from), there = memory_->find(to);
  const VkBufferCopy copy{here.offset, there.offset, static_cast<VkDeviceSize>(bytes)};
  const std::lock_guard lock(copy_mutex_);
  return Event{GANNET_TRY(
      copies_->run([&](VkCommandBuffer c) { vkCmdCopyBuffer(c, here.buffer, there.buffer, 1, &copy); }))};
}

Result<Event> OpenVulkanDevice::clear(std::byte* at, int64_t bytes) {
  if (bytes == 0) return Event{};
  const VulkanPlace place = memory_->find(at);
  if (place.host != nullptr) {
    GANNET_TRY(queue_->wait_all());
    std::memset(place.host, 0, static_cast<size_t>(bytes));
    return Event{};
  }
  GANNET_CHECK(place.offset % 4 == 0 && bytes % 4 == 0, "only whole words are zeroed");
  const std::lock_guard lock(copy_mutex_);
  return Event{GANNET_TRY(copies_->run([&](VkCommandBuffer c) {
    vkCmdFillBuffer(c, place.buffer, place.offset, static_cast<VkDeviceSize>(bytes), 0);
  }))};
}

}  // namespace

Result<std::unique_ptr<VulkanDevice>> VulkanDevice::open(std::shared_ptr<VulkanInstance> instance,
                                                         size_t index, VulkanDeviceOptions options) {
  if (index >= instance->devices.size())
    return Error(ErrorCode::kDevice,
                 fmt::format("there is no Vulkan device {}; there are {}", index, instance->devices.size()));
  VulkanFacts facts = facts_of(instance->instance, instance->devices[index]);
  if (!facts.unusable.empty())
    return Error(ErrorCode::kDevice, fmt::format("{} cannot be used: {}", facts.name, facts.unusable));
  if (options.guarded && !facts.host_import)
    return Error(ErrorCode::kDevice,
                 fmt::format("{} does not take memory of the host, so that nothing can guard its buffers",
                             facts.name));
  if (options.staged) facts.unified = false;
  auto made = std::make_unique<OpenVulkanDevice>(std::move(instance), index, std::move(facts));
  GANNET_TRY(made->make(std::move(options)));
  return std::unique_ptr<VulkanDevice>(std::move(made));
}

}  // namespace gannet
