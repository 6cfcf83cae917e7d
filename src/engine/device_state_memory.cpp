#include "engine/device_state_memory.h"

#include <algorithm>
#include <atomic>
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

  bool lost() const override { return lost_; }

  void zero(std::byte* at, int64_t bytes) override { finish(device_->zero(place_of(at), bytes)); }
  void read(const std::byte* from, std::span<std::byte> to) override {
    if (!finish(device_->download(place_of(from), to))) std::ranges::fill(to, std::byte{});
  }
  void write(std::byte* to, std::span<const std::byte> from) override {
    finish(device_->upload(place_of(to), from));
  }
  void copy(std::byte* to, const std::byte* from, int64_t width, int64_t pitch, int64_t n) override {
    const Place target = place_of(to), source = place_of(from);
    if (width == pitch) width = std::exchange(n, 1) * width;
    Result<Event> last = Event{};
    for (int64_t i = 0; i < n && last.ok(); ++i)
      last = device_->copy(source + i * pitch, target + i * pitch, width);
    finish(std::move(last));
  }

 private:
  bool finish(Result<Event> copy) {
    const bool done = copy.ok() && device_->wait(*copy).ok();
    if (!done) lost_ = true;
    return done;
  }

  // Of an address in a buffer from allocate().
  Place place_of(const std::byte* at) {
    const std::lock_guard lock(mutex_);
    auto it = buffers_.upper_bound(const_cast<std::byte*>(at));
    GANNET_CHECK(it != buffers_.begin(), "no state lies there");
    --it;
    return it->second.at(at - it->first);
  }

  std::shared_ptr<Device> device_;
  std::atomic<bool> lost_ = false;
  std::mutex mutex_;  // of what follows
  std::map<std::byte*, DeviceBuffer> buffers_;
};

}  // namespace

std::shared_ptr<StateMemory> device_state_memory(std::shared_ptr<Device> device) {
  return std::make_shared<DeviceStateMemory>(std::move(device));
}

}  // namespace gannet
