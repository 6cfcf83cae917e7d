#include "state/state_memory.h"

#include <cstring>
#include <map>
#include <mutex>

#include "base/huge_pages.h"

namespace gannet {
namespace {

class HostStateMemory : public StateMemory {
 public:
  std::byte* allocate(int64_t bytes) override {
    HugeMemory memory(bytes);
    std::byte* at = memory.data();
    if (at == nullptr) return nullptr;
    const std::lock_guard lock(mutex_);
    all_[at] = std::move(memory);
    return at;
  }
  void release(std::byte* at) override {
    const std::lock_guard lock(mutex_);
    all_.erase(at);
  }

  void zero(std::byte* at, int64_t bytes) override { std::memset(at, 0, static_cast<size_t>(bytes)); }
  void read(const std::byte* from, std::span<std::byte> to) override {
    if (!to.empty()) std::memcpy(to.data(), from, to.size());
  }
  void write(std::byte* to, std::span<const std::byte> from) override {
    if (!from.empty()) std::memcpy(to, from.data(), from.size());
  }
  void copy(std::byte* to, const std::byte* from, int64_t width, int64_t pitch, int64_t n) override {
    for (int64_t i = 0; i < n; ++i) std::memcpy(to + i * pitch, from + i * pitch, static_cast<size_t>(width));
  }

 private:
  std::mutex mutex_;
  std::map<std::byte*, HugeMemory> all_;
};

}  // namespace

std::shared_ptr<StateMemory> host_state_memory() {
  return std::make_shared<HostStateMemory>();
}

}  // namespace gannet
