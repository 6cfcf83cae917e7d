#include "engine/device_state_memory.h"

#include <map>
#include <mutex>

namespace gannet {
namespace {

class DeviceStateMemory : public StateMemory {
 public:
  explicit DeviceStateMemory(std::shared_ptr<Device> device) : device_(std::move(device)) {}

  std::byte* allocate(int64_t bytes) override {
    auto buffer = DeviceBuffer::allocate(device_, bytes);
    if (!buffer.ok()) return nullptr;
    std::byte* at = device_->address(buffer->at(0));
    const std::lock_guard lock(mutex_);
    buffers_.insert_or_assign(at, buffer.take());
    return at;
  }
  void release(std::byte* at) override {
    const std::lock_guard lock(mutex_);
    buffers_.erase(at);
  }

  void zero(std::byte* at, int64_t bytes) override {
    device_->wait(device_->zero(place_of(at), bytes).take()).take();
  }
  void read(const std::byte* from, std::span<std::byte> to) override {
    device_->wait(device_->download(place_of(from), to).take()).take();
  }
  void write(std::byte* to, std::span<const std::byte> from) override {
    device_->wait(device_->upload(place_of(to), from).take()).take();
  }
  void copy(std::byte* to, const std::byte* from, int64_t width, int64_t pitch, int64_t n) override {
    const Place target = place_of(to), source = place_of(from);
    if (width == pitch) width = std::exchange(n, 1) * width;
    Event last;
    for (int64_t i = 0; i < n; ++i)
      last = device_->copy(source + i * pitch, target + i * pitch, width).take();
    device_->wait(last).take();
  }

 private:
  // Of an address in a buffer from allocate().
  Place place_of(const std::byte* at) {
    const std::lock_guard lock(mutex_);
    auto it = buffers_.upper_bound(const_cast<std::byte*>(at));
    GANNET_CHECK(it != buffers_.begin(), "no state lies there");
    --it;
    return it->second.at(at - it->first);
  }

  std::shared_ptr<Device> device_;
  std::mutex mutex_;  // of what follows
  std::map<std::byte*, DeviceBuffer> buffers_;
};

}  // namespace

std::shared_ptr<StateMemory> device_state_memory(std::shared_ptr<Device> device) {
  return std::make_shared<DeviceStateMemory>(std::move(device));
}

}  // namespace gannet
